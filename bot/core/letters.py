"""Letters and digits that nobody takes for one another, aloud or by eye. Pure."""

ALPHABET = "ACDEFGHJKMNPQRTUVWXY34679"
"""Without look-alikes: no B8, I1L, O0, S5, Z2."""
