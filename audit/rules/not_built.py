"""The rules of the catalogue that are not built, each with the reason. docs/rules.md lists them."""

NOT_BUILT: dict[str, tuple[str, str]] = {
    "IMG-04": (
        "An image without a digest",
        "left out: it would fire at every image that `!pin` has mended, since that writes the exact version",
    ),
    "HC-07": (
        "Unhealthy and routed",
        "told by HC-02, whose rank rises with the route; it has no words of its own",
    ),
    "CMP-10": (
        "A compose file with a name of its own",
        "left out: such files are read as any other, and a name is style",
    ),
}
