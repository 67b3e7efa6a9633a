"""How many look-ups one command may cost: registries count them."""

from dataclasses import dataclass

LOOKUPS = 25


@dataclass(slots=True)
class Budget:
    """Spent by each request that goes out; what is known already costs nothing."""

    left: int = LOOKUPS
    spent: int = 0

    def take(self) -> bool:
        """False when there is none left."""
        if self.left <= 0:
            return False
        self.left -= 1
        self.spent += 1
        return True
