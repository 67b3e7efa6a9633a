"""A number in a sentence: exactly so many, at least, at most. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Amount:
    """`sign`: `=`, `+` (at least), `-` (at most), `~` (about: a tenth more or less)."""

    number: int
    sign: str = "="

    def holds(self, count: int) -> bool:
        match self.sign:
            case "+":
                return count >= self.number
            case "-":
                return count <= self.number
            case "~":
                return abs(count - self.number) <= max(1, self.number // 10)
            case _:
                return count == self.number

    @classmethod
    def read(cls, before: str, digits: str, after: str) -> "Amount":
        """`about`, `17`, `+`."""
        word = before.strip().lower()
        number = int(digits[:9])
        if after == "+" or word in {"at least", "more than", "over"}:
            return cls(number + (word in {"more than", "over"}), "+")
        if word in {"at most", "up to", "fewer than", "less than"}:
            return cls(number - (word in {"fewer than", "less than"}), "-")
        return cls(number, "~" if word in {"about", "around", "roughly", "approximately", "~", "≈"} else "=")
