"""Settings that nobody reads."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from audit.look import Look
from audit.model import Confidence, Failed, Passed, Result, Severity
from audit.places import of_value
from audit.rule import rule
from audit.subject import Subject
from estate.compose.value import Rows, Value


@dataclass(frozen=True, slots=True)
class _Image:
    """`names`: variables that look as if it read them."""

    app: re.Pattern[str]
    owners: str
    """Whose images of that name are meant: what others make of it may read more. `library`: Docker's own."""
    names: re.Pattern[str]
    why: str
    severity: Severity = Severity.MEDIUM


_TABLE = (
    _Image(
        re.compile(r"alertmanager"),
        "prom prometheus",
        re.compile(r"(?:ALERTMANAGER|SMTP|SLACK|EMAIL|MAIL|WEBHOOK|PAGERDUTY|TELEGRAM|DISCORD|MATRIX)_?\w*"),
        "Alertmanager takes nothing from its environment, and its file has no variables",
    ),
    _Image(
        re.compile(r"prometheus"),
        "prom prometheus",
        re.compile(r"(?:PROMETHEUS|PROM|STORAGE|RETENTION|SCRAPE|ALERTMANAGER)_\w*|RETENTION"),
        "Prometheus is set by its flags and its file only",
    ),
    _Image(
        re.compile(r"grafana(?:-oss|-enterprise)?"),
        "grafana",
        re.compile(r"GRAFANA_\w+|ADMIN_(?:USER|PASSWORD)"),
        "Grafana reads variables that start with GF_ only",
    ),
    _Image(
        re.compile(r"redis|valkey"),
        "library valkey",
        re.compile(r"(?:REDIS|VALKEY)_(?:PASSWORD|PASS|USER\w*|REQUIREPASS)"),
        "the official image has no such variable: it asks nobody for a password",
        Severity.HIGH,
    ),
    _Image(
        re.compile(r"memcached"),
        "library",
        re.compile(r"MEMCACHED_\w+"),
        "the official image is set by its command only",
    ),
    _Image(
        re.compile(r"adminer"),
        "library",
        re.compile(r"ADMINER_(?:USER\w*|PASS\w*|AUTH\w*)"),
        "Adminer has no login of its own",
        Severity.HIGH,
    ),
    _Image(
        re.compile(r"node-exporter|cadvisor|blackbox-exporter"),
        "prom prometheus cadvisor google",
        re.compile(r"(?:NODE_EXPORTER|CADVISOR|BLACKBOX)_\w+"),
        "it is set by its command only",
    ),
    _Image(
        re.compile(r"loki|promtail"),
        "grafana",
        re.compile(r"(?:LOKI|PROMTAIL|S3|RETENTION|STORAGE)_\w+"),
        "its file has variables only with -config.expand-env=true",
    ),
)


@rule("ENV-08", Severity.MEDIUM)
def ignored_setting(look: Look) -> Iterator[Result]:
    """A service is given settings that its program never reads.

    Wrong: a variable that looks like a setting is given to an image that has none such: SMTP_… to
    Alertmanager, REDIS_PASSWORD to the official Redis (high: it asks for no password), GRAFANA_… to Grafana,
    TRAEFIK_… to a Traefik that reads a file, for then it reads nothing else.
    Not when the command, the entrypoint or the healthcheck names the variable.
    Not when the image is somebody else's of that name, who may have made it read more.
    Not looked at: images that the table in `audit/rules/ignored.py` does not have.
    Disprove: the program's manual names the variable.
    """
    for one in look.subjects:
        known = next((row for row in _TABLE if _is(row, one)), None)
        proxy = look.proxy_of(one)
        is_proxy = one is proxy.subject and bool(proxy.file)
        if known is None and not is_proxy:
            continue
        if known is not None and known.app.pattern.startswith("loki") and _expands(one):
            continue
        names = known.names if known is not None else re.compile(r"TRAEFIK_\w+")
        why = known.why if known is not None else f"Traefik reads {proxy.file}, and then nothing else"
        used = _words(one)
        ignored = [name for name in one.service.environment if names.fullmatch(name) and name not in used]
        for name in ignored:
            value = one.service.environment[name].value
            yield Failed(
                place=of_value(look.snapshot, value, hide=True) if value is not None else one.place,
                message=f"{name} is given to {one.app}, which never reads it",
                service=one.full_name,
                key=name,
                evidence=(why,),
                disprove="the program's manual names that variable",
                remedy="set it where the program reads it, and take the variable away",
                severity=known.severity if known is not None else None,
                confidence=Confidence.HIGH if value is not None else Confidence.MEDIUM,
            )
        if not ignored:
            yield Passed(one.full_name)


def _is(row: _Image, one: Subject) -> bool:
    if one.image is None or one.service.is_built or not row.app.fullmatch(one.app):
        return False
    # A mirror may have folders of its own before it.
    *_, owner = ("library", *one.image.name.split("/")[:-1])
    return owner in row.owners.split()


def _expands(one: Subject) -> bool:
    return any("config.expand-env" in word for word in _words(one).split())


def _words(one: Subject) -> str:
    """What is said at its start and in its probe, also as it is written: a variable that Compose fills in
    there has its effect."""
    service = one.service
    each = (service.command, service.entrypoint, service.healthcheck)
    written = (service.tree.get(key) for key in ("command", "entrypoint"))
    raw = [
        value.raw
        for tree in written
        for value in (tree if isinstance(tree, Rows) else [tree])
        if isinstance(value, Value)
    ]
    return " ".join((*raw, *(word for words in each for word in words or ())))
