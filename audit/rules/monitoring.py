"""Whether an alert would be made, and whether it would arrive."""

import posixpath
import re
from collections.abc import Iterator

from audit.credentials import is_placeholder
from audit.inside import files_matching, flag_of, on_host
from audit.look import Look
from audit.model import Confidence, Failed, Fix, Kind, Passed, Place, Result, Severity, Unknown
from audit.places import of_key, of_tree
from audit.rule import rule
from audit.subject import Subject
from estate.alert_routes import spelled
from estate.compose.value import Rows, Section, Tree, Value, child, text_of, texts_of
from estate.snapshot.document import Document
from estate.snapshot.live import NOT_ASKED

_LOCAL = re.compile(r"(?:https?://)?(?:localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)(?::\d+)?(?:[/?].*)?\Z")
_NOBODY = re.compile(
    r"//(?:[\w.-]*\.)?example\.(?:com|org|net)(?:[:/]|\Z)|/(?:XXX|T0+|xxx)[/X0x]*|your[-_.]", re.IGNORECASE
)


def _document(look: Look, one: Subject, inside: str) -> tuple[Document | None, str]:
    """The YAML that a service reads, or why it is not known."""
    path = on_host(one, inside)
    if path is None:
        return None, f"{inside} is not mounted from this tree"
    found = look.snapshot.documents.get(path)
    if found is None:
        return None, f"{path} is not there, or could not be read"
    return (None, f"{path}: {found.wrong}") if found.wrong else (found, "")


def _of(look: Look, app: str) -> Iterator[Subject]:
    return (one for one in look.subjects if one.app == app and one.is_active)


# ---- receivers ------------------------------------------------------------------------------------------


@rule("MON-01", Severity.MEDIUM)
def no_receiver(look: Look) -> Iterator[Result]:
    """Alertmanager sends alerts to nobody.

    Wrong: a receiver that a route names is not defined, has no integration at all, or one whose address is a
    placeholder, or leads to the container itself (`localhost`). A receiver for what is dropped on purpose,
    called `null`, `none`, `blackhole` or `drop`, may be empty when it is not the first one. Where they are
    asked: Alertmanager itself (`alerts.alertmanager`) does not have a receiver that the file defines, or has
    other routes or inhibitions than the file (by its `/api/v2/status`; not their times of waiting);
    Prometheus itself (`alerts.prometheus`) has alerts and sends them to no Alertmanager.
    Disprove: `!test alert` comes back.
    """
    for one in _of(look, "alertmanager"):
        file = flag_of(one, "config.file") or "/etc/alertmanager/alertmanager.yml"
        document, why = _document(look, one, file)
        if document is None:
            yield Unknown(one.full_name, why, one.place)
            continue
        found = [*_deaf(look, one, document), *_unloaded(look, one, document)]
        found = found or [*_otherwise(look, one, document)]
        yield from found
        if not found:
            yield Passed(one.full_name)
    live = look.snapshot.live
    if live.alertmanager is None and live.no_alertmanager != NOT_ASKED:
        yield Unknown("the receivers of Alertmanager", live.no_alertmanager)
    if live.prometheus is not None and live.prometheus.alerts and not live.prometheus.alertmanagers:
        count = len(live.prometheus.alerts)
        yield Failed(
            place=Place("", text="Prometheus"),
            message=f"Prometheus has {count} alert{'s' * (count > 1)} and sends them to no Alertmanager",
            key="no alertmanager",
            evidence=("its /api/v1/alertmanagers lists none",),
            disprove="an alert of Prometheus' own arrives (!test alert does not go through it)",
            remedy="name Alertmanager under alerting: alertmanagers: in prometheus.yml, and reload it",
            severity=Severity.HIGH,
            kind=Kind.ENGINE,
        )


def _unloaded(look: Look, one: Subject, document: Document) -> Iterator[Failed]:
    """Receivers that the file has and Alertmanager has not. Of two of them nobody knows which answered."""
    live = look.snapshot.live.alertmanager
    if live is None or len(list(_of(look, "alertmanager"))) != 1:
        return
    rows = child(document.tree, "receivers")
    for row in rows if isinstance(rows, Rows) else ():
        name = text_of(child(row, "name")) or ""
        if name and name not in live.receivers:
            yield Failed(
                place=of_tree(look.snapshot, row, document.path, f"name: {name}"),
                message=f"Alertmanager does not have the receiver {name}: it runs with another file",
                service=one.full_name,
                key=f"{name} loaded",
                evidence=("its /api/v2/receivers does not list it",),
                disprove="/api/v2/receivers lists it",
                remedy="reload it (POST /-/reload), and read in its log why it did not take the file",
                kind=Kind.BOTH,
            )


def _otherwise(look: Look, one: Subject, document: Document) -> Iterator[Failed]:
    """Routes that the file has and Alertmanager has not. Where something fills the file in before it is read,
    nobody knows what was meant."""
    live = look.snapshot.live.alertmanager
    if live is None or not live.routes or len(list(_of(look, "alertmanager"))) != 1:
        return
    written = spelled(document.tree)
    if written == live.routes or re.search(r"\$\{|\{\{.*\benv\b", document.text):
        return
    new = [line.strip() for line in written if line not in live.routes]
    old = [line.strip() for line in live.routes if line not in written]
    why = [f"only in the file: {line}" for line in new[:2]] + [f"only loaded: {line}" for line in old[:2]]
    yield Failed(
        place=of_key(look.snapshot, document.tree, "route", document.path),
        message="Alertmanager sends alerts along other routes than the file has: it runs with another one",
        service=one.full_name,
        key="routes loaded",
        evidence=tuple(why) or ("the same routes, in another order",),
        disprove="/api/v2/status shows the file's routes",
        remedy="reload it (POST /-/reload), and read in its log why it did not take the file",
        kind=Kind.BOTH,
    )


def _deaf(look: Look, one: Subject, document: Document) -> Iterator[Failed]:
    rows = child(document.tree, "receivers")
    receivers = {text_of(child(row, "name")) or "": row for row in (rows if isinstance(rows, Rows) else ())}
    route = child(document.tree, "route")
    default = text_of(child(route, "receiver")) or ""
    for name in dict.fromkeys(_used(route)):
        tree = receivers.get(name)
        why = "is not defined" if tree is None else _why_deaf(one, document, tree)
        is_drop = name.lower() in {"null", "none", "blackhole", "drop", "devnull"} and name != default
        if why and not is_drop:
            place = of_tree(look.snapshot, tree, document.path, f"name: {name}") if tree is not None else None
            yield Failed(
                place=place or of_key(look.snapshot, route, "receiver", document.path),
                message=f"the receiver {name} {why}",
                service=one.full_name,
                key=name,
                evidence=("it is where everything goes that no route takes",) if name == default else (),
                disprove="!test alert comes back into the room",
                remedy=f"give {name} an integration that reaches people",
            )


def _used(route: Tree | None, depth: int = 0) -> Iterator[str]:
    name = text_of(child(route, "receiver"))
    if name:
        yield name
    below = child(route, "routes")
    for one in below if isinstance(below, Rows) and depth < 16 else ():
        yield from _used(one, depth + 1)


def _why_deaf(one: Subject, document: Document, tree: Tree) -> str:
    lists = [v for k, v in tree.items() if k.endswith("_configs")] if isinstance(tree, Section) else []
    each = [row for rows in lists if isinstance(rows, Rows) for row in rows]
    if not each:
        return "has no integration: what it gets is dropped"
    smarthost = text_of(child(document.tree, "global", "smtp_smarthost")) or ""
    for row in each:
        for key in ("url", "api_url", "webhook_url"):
            address = text_of(child(row, key)) or ""
            if address and (_NOBODY.search(address) or is_placeholder(address)):
                return "has an address that is only a placeholder"
            if address and _LOCAL.match(address) and one.network_mode != "host":
                return "has an address that leads to its own container: localhost is not the machine"
        host = text_of(child(row, "smarthost")) or (smarthost if child(row, "to") is not None else "")
        if host and _LOCAL.match(host) and one.network_mode != "host":
            return "sends mail through its own container: localhost is not the machine"
    return ""


# ---- rules ----------------------------------------------------------------------------------------------


@rule("MON-02", Severity.HIGH, fix=Fix.CONSENT)
def rules_not_loaded(look: Look) -> Iterator[Result]:
    """Alert rules are written, and Prometheus does not load them.

    Wrong: an entry of `rule_files` finds no file inside the container, by the mounts; or a file with alert
    rules lies in Prometheus' project and no entry finds it; or Prometheus itself, where it is asked
    (`alerts.prometheus`), does not list an alert of a file that an entry finds.
    Disprove: `/api/v1/rules` lists them.
    """
    for one in _of(look, "prometheus"):
        file = flag_of(one, "config.file") or "/etc/prometheus/prometheus.yml"
        document, why = _document(look, one, file)
        if document is None:
            yield Unknown(one.full_name, why, one.place)
            continue
        yield from _rules(look, one, document, posixpath.dirname(file))


def _rules(look: Look, one: Subject, document: Document, folder: str) -> Iterator[Result]:
    rows = child(document.tree, "rule_files")
    loaded: set[str] = set()
    blind = False
    for row in rows if isinstance(rows, Rows) else ():
        pattern = text_of(row) or ""
        found = files_matching(look.files_in, one, posixpath.normpath(posixpath.join(folder, pattern)))
        if found:
            loaded.update(found)
            yield Passed(f"{one.full_name} {pattern}")
            continue
        blind |= found is None and on_host(one, posixpath.join(folder, pattern)) is not None
        where = (
            "nothing of the host is mounted there" if found is None else "the mounted folder has no such file"
        )
        yield Failed(
            place=of_tree(look.snapshot, row, document.path),
            message=f"rule_files: {pattern} finds no file in the container",
            service=one.full_name,
            key=pattern,
            evidence=(where,),
            disprove="Prometheus' /api/v1/rules lists its rules",
            remedy=f"mount the rules at {posixpath.join(folder, pattern)}, or mend the path",
        )
    yield from _not_read(look, one, loaded)
    for path, other in look.snapshot.documents.items():
        if (
            path not in loaded
            and not blind
            and _is_mine(one, path)
            and b"alert" in other.data
            and has_alerts(other)
        ):
            yield Failed(
                place=Place(path),
                message="it holds alert rules, and no entry of rule_files finds it",
                service=one.full_name,
                key=path,
                evidence=(f"rule_files of {document.path}: {', '.join(texts_of(rows)) or 'none'}",),
                disprove="Prometheus' /api/v1/rules lists its rules",
                remedy=f"add it to rule_files in {document.path}, and mount it",
                confidence=Confidence.MEDIUM,
            )


def _not_read(look: Look, one: Subject, loaded: set[str]) -> Iterator[Failed]:
    """What stands where Prometheus looks, and is not in it: it was not told to read it again."""
    live = look.snapshot.live.prometheus
    for path in sorted(loaded) if live is not None else ():
        document = look.snapshot.documents.get(path)
        written = {text_of(child(row, "alert")) or "" for row in alerts_in(document)} if document else set()
        missing = sorted(written - live.alerts) if live is not None else []
        if missing:
            yield Failed(
                place=Place(path),
                message=f"Prometheus has not loaded {', '.join(missing[:5])} of it",
                service=one.full_name,
                key=f"{path} live",
                evidence=("its /api/v1/rules does not list them",),
                disprove="Prometheus' /api/v1/rules lists them now",
                remedy=f"promtool check rules {path}, then let Prometheus read it again (SIGHUP)",
                kind=Kind.BOTH,
                fix=Fix.ADVICE,
            )


def _is_mine(one: Subject, path: str) -> bool:
    inside = not one.folder or path.startswith(f"{one.folder}/")
    return inside and not re.search(r"(?:^|/)(?:loki|mimir|cortex|tests?|examples?)(?:/|[-_.])", path)


def has_alerts(document: Document) -> bool:
    return next(alerts_in(document), None) is not None


def alerts_in(document: Document, kind: str = "alert") -> Iterator[Tree]:
    """The rules of a rules file: those that alert, or those that `record`."""
    groups = child(document.tree, "groups")
    for group in groups if isinstance(groups, Rows) else ():
        rules = child(group, "rules")
        for one in rules if isinstance(rules, Rows) else ():
            if isinstance(child(one, kind), Value):
                yield one
