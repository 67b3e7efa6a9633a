"""The rules of the catalogue that are not built, each with the reason. docs/rules.md lists them."""

NOT_BUILT: dict[str, tuple[str, str]] = {
    "IMG-04": ("An image without a digest", "left out: it would fire at nearly every image, and IMG-01 pins"),
    "HC-07": ("Unhealthy and routed", "told by HC-02: its rank rises with the route"),
    "CMP-10": ("A compose file with a name of its own", "left out: such files are read as any other"),
    "BAK-02": (
        "A database that is copied while it runs",
        "told by BAK-01: a database counts only by its dump",
    ),
}
