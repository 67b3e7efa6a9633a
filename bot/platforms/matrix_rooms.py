"""Which Matrix room is which configured room: ids, aliases, and rooms that moved on."""

from collections.abc import Iterable

from bot.core.model import Room


class Book:
    """Configured rooms by room id. An alias is unknown until it was resolved."""

    def __init__(self, rooms: Iterable[Room], moves: dict[str, str]) -> None:
        self.rooms = tuple(dict.fromkeys(rooms))
        self.moves = moves
        self._resolved: dict[str, str] = {}
        self._doubted: set[str] = set()
        self.trouble: dict[str, str] = {}
        """Alias → why it cannot be resolved."""

    def aliases(self) -> list[str]:
        """The aliases to ask for: not resolved yet, or doubted."""
        names = dict.fromkeys(room.address for room in self.rooms if room.address.startswith("#"))
        return [name for name in names if name not in self._resolved or name in self._doubted]

    def learn(self, alias: str, room_id: str) -> None:
        self._resolved[alias] = room_id
        self._doubted.discard(alias)
        self.trouble.pop(alias, None)

    def doubt(self, address: str) -> None:
        """Ask again for an alias; until there is an answer, what was known stays."""
        if address.startswith("#"):
            self._doubted.add(address)

    def id_of(self, address: str) -> str | None:
        """The room id behind an id or alias, where it is now."""
        return next(reversed(self.way(address)), None)

    def way(self, address: str) -> list[str]:
        """The room ids behind an id or alias: where it was at first, and each that it moved to."""
        room_id = self._resolved.get(address) if address.startswith("#") else address
        way: list[str] = []
        while room_id is not None and room_id not in way:
            way.append(room_id)
            room_id = self.moves.get(room_id)
        return way

    def at(self, room_id: str) -> Room | None:
        """The configured room that lives there; the first, when two names share one."""
        return next((room for room in self.rooms if self.id_of(room.address) == room_id), None)

    def move(self, old: str, new: str) -> bool:
        """A tombstone in `old` announces `new`. True when that is news and makes no circle."""
        if self.moves.get(old) == new or old == new:
            return False
        step: str | None = new
        while step is not None:
            if step == old:
                return False
            step = self.moves.get(step)
        self.moves[old] = new
        return True
