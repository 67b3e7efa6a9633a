from tests.audit.cases.case import Case, Must, app, web

FIRE, NEAR, PASS = Must.FIRE, Must.NEAR, Must.PASS
LATEST = "# Infrastructure Audit\n\n**Generated:** %s\n\n- %d services still use the `latest` tag\n"


def of(must: Must, what: str, files: dict[str, str], **more: object) -> Case:
    return Case("DOC-06", must, what, {**app(web(image="nginx:latest")), **files}, **more)  # type: ignore[arg-type]


CASES = (
    Case(
        "DOC-06",
        Must.UNKNOWN,
        "it begins as JSON",
        {**app(web()), "AUDIT.md": "{not json}\nDate: 2025-11-21\n"},
    ),
    of(
        FIRE,
        "a count",
        {"docs/REPORT.md": LATEST % ("2025-11-21", 11)},
        at="docs/REPORT.md:5",
        says="1 of the 1 claims",
        severity="medium",
    ),
    of(PASS, "still true", {"docs/REPORT.md": LATEST % ("2025-11-21", 1)}),
    of(PASS, "the newest is", {"a/x.md": LATEST % ("2025-11-21", 11), "a/y.md": LATEST % ("2025-12-21", 1)}),
    of(FIRE, "of two folders", {"a/x.md": LATEST % ("2025-11-21", 11), "b/y.md": LATEST % ("2025-12-21", 1)}),
    of(
        NEAR, "no date", {"REPORT.md": "# Infrastructure Audit\n\n- 11 services still use the `latest` tag\n"}
    ),
    of(NEAR, "a README", {"README.md": "# Web\n\nDate: 2025-11-21\n\n- 11 services use the `latest` tag\n"}),
    of(NEAR, "nothing that is claimed", {"REPORT.md": "# Audit\n\nDate: 2025-11-21\n\nAll was looked at.\n"}),
)
