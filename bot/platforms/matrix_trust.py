"""What is proved of a sender. `sender` in an event is only the homeserver's word; keys are proof."""

from collections.abc import Callable
from typing import Protocol

from bot.core.model import Identity, People, Trust
from bot.platforms import matrix_keys as keys
from bot.platforms.matrix_event import Heard


class Devices(Protocol):
    """Who has which device, as nio and the homeserver know it. Both questions may ask the network."""

    def encrypted(self, room_id: str) -> bool: ...

    async def device(self, user: str, sender_key: str) -> keys.Device | None: ...

    async def publications(self, user: str) -> keys.Published: ...


class Witness:
    """Gives each event its Trust. `people` is who is listed now; `me` is our own account."""

    def __init__(self, platform: str, me: str, people: Callable[[], People]) -> None:
        self._platform = platform
        self._me = me
        self._people = people

    async def trust(self, devices: Devices, room_id: str, heard: Heard) -> Trust:
        """Raises Upstream when the sender's devices cannot be asked for: then nothing is judged yet."""
        secret = devices.encrypted(room_id)
        sender = str(heard.raw.get("sender"))
        stranger = self._stranger(sender)
        if not heard.sender_key:
            why = "said in the clear in an encrypted room" if secret else ""
            if heard.raw.get("type") == "m.reaction":
                why = "a reaction is never encrypted"
            return Trust(room_encrypted=secret, stranger=bool(stranger), why=stranger or why)
        if sender == self._me:
            return Trust(encrypted=True, room_encrypted=True)
        device = await devices.device(sender, heard.sender_key)
        if device is None or device.ed25519 != heard.signed_by:
            # Somebody else's session under this name: worth no more than clear text.
            why = f"encrypted by a device that is not one of {sender}"
            return Trust(room_encrypted=True, stranger=bool(stranger), why=why)
        verified, why = await self._vouched(devices, sender, device, heard)
        return Trust(verified, True, True, bool(stranger), stranger or why)

    def _stranger(self, sender: str) -> str:
        """Why the sender is a stranger: unlisted and of another server. "" when not."""
        if self._people().who(Identity(self._platform, sender)) is not None:
            return ""
        server = sender.partition(":")[2]
        return "" if server == self._me.partition(":")[2] else f"an account of {server}"

    async def _vouched(
        self, devices: Devices, sender: str, device: keys.Device, heard: Heard
    ) -> tuple[bool, str]:
        person = self._people().who(Identity(self._platform, sender))
        listed = person.matrix_keys if person is not None else ()
        shown = f"the device {device.id} ({device.ed25519})"
        if not listed:
            return False, f"{shown} is not vouched for: no matrix_keys are listed"
        if heard.forwarded:
            return False, f"the key came by a detour, not from {shown} itself"
        if device.ed25519 in {keys.fingerprint(key) for key in listed}:
            return True, ""
        if keys.vouched(sender, device, listed, await devices.publications(sender)):
            return True, ""
        return False, f"{shown} is neither listed in matrix_keys nor signed by a key that is"
