"""A report as an operator would write it by hand: Markdown, every number computed. Pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from audit import fixes
from audit.look import Look
from audit.markdown import block, code, table, text
from audit.model import Finding, Fix, Report, Severity
from audit.rules import BY_ID
from audit.summary import Group, groups, headline
from estate.inventory import Thing, one_offs
from estate.model import Health

SHOWN = 12
"""Names that are listed of one group; the findings below have all."""
WIDE = 3
"""In so many projects a rule is everybody's concern, not one service's."""
_ILL = ("HC-02", "HC-03", "HC-08", "HC-09", "CMP-01", "ENV-06", "MON-02", "BAK-03", "BAK-11")
_STALE = ("RUN-01", "RUN-02", "RUN-03", "HYG-01", "ENV-09", "DOC-03", "DOC-04", "WVR-01")
_RISKS = ("IMG-", "DEP-", "TRF-11")
_DOUBLE = ("DUP-", "RES-", "IMG-08")
_TASKS = {
    "Security": ("ENV-", "TRF-", "OPS-02", "SEC-"),
    "Data": ("BAK-",),
    "Reliability": ("HC-", "RES-", "DEP-", "RUN-", "CMP-", "HOST-"),
    "Versions": ("IMG-",),
    "Monitoring": ("MON-",),
    "Documentation and order": ("DOC-", "HYG-", "DUP-", "OPS-01", "WVR-"),
}
_COMMAND = re.compile(
    r"!|(?:chmod|chown|curl|docker|docker-compose|find|git|ln|mkdir|mv|openssl|restic|rm|sed|sudo|systemctl) "
)
_EFFORT = {
    Fix.AUTOMATIC: "low: a command does it after a yes",
    Fix.CONSENT: "medium: a change that somebody looks at",
    Fix.ADVICE: "by hand",
}
_IMPACT = {
    Severity.CRITICAL: "very high",
    Severity.HIGH: "high",
    Severity.MEDIUM: "medium",
    Severity.LOW: "low",
    Severity.INFO: "for information",
}


@dataclass(frozen=True, slots=True)
class About:
    """What stands above a report. `name`: of the estate. `against`: lines on what changed since the last
    audit, Markdown; empty where none is known."""

    name: str
    tool: str
    against: tuple[str, ...] = ()


def as_markdown(report: Report, look: Look, about: About) -> str:
    """All of it, with a line end. `report` is cleaned: it may be said."""
    parts = (
        _head(look, about),
        _summary(report, look),
        _continuity(report, about),
        _status(report, look),
        _todo(report),
        _standards(report),
        _duplication(report, look),
        _tasks(report),
        _actions(report),
        _risks(report, look),
        _findings(report),
        _unknown(report),
        _commands(report),
    )
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _head(look: Look, about: About) -> Iterator[str]:
    yield f"# Audit of {text(about.name)}"
    yield ""
    yield f"**Generated:** {look.now:%Y-%m-%d %H:%M} UTC, by {text(about.tool)}  "
    engines = ", ".join(view.host for view in look.snapshot.engines)
    seen = f"the files, and what runs on {text(engines)}" if engines else "the files"
    yield f"**Scope:** {seen}"
    why = look.snapshot.no_engine
    if why and look.snapshot.engine_wanted:
        yield ""
        yield f"What runs was not seen: {text(why)}."


# ---- summary --------------------------------------------------------------------------------------------


def _summary(report: Report, look: Look) -> Iterator[str]:
    yield "## Executive summary"
    yield ""
    word, why = health(report)
    yield f"**Overall health: {word}**: {why}"
    yield ""
    yield f"- {text(headline(report))}"
    running = _running(look)
    if running:
        yield f"- {running}"
    yield f"- {len(look.snapshot.models)} projects, {len(look.routed)} services with a public route"
    if report.unknown:
        yield f"- {len(report.unknown)} checks could not be decided; see [Unknown](#unknown)"
    yield ""
    yield from table(
        ("severity", "findings", "services"),
        ((one.value, str(report.count(one)), str(len(_services(report.findings, one)))) for one in Severity),
    )
    first = groups(report.findings)[:3]
    if first:
        yield ""
        yield "Mend first:"
        yield ""
        for number, group in enumerate(first, 1):
            yield f"{number}. {_group(group)}"


def health(report: Report) -> tuple[str, str]:
    """In a word, with the reason: by the worst that was found."""
    if report.count(Severity.CRITICAL):
        return "critical", "something is wrong that cannot wait"
    if report.count(Severity.HIGH):
        return "poor", "something serious is wrong"
    if report.count(Severity.MEDIUM):
        return "fair", "nothing serious, and work to do"
    if report.unknown:
        return "unknown", "nothing serious was found, and not everything could be read"
    return "good", "nothing of weight was found"


def _running(look: Look) -> str:
    if not look.snapshot.engines:
        return ""
    left = {id(one) for one in one_offs(look.things)}
    things = [one for one in look.things if one.service is not None and id(one) not in left]
    expected = [one for one in things if one.expected or one.running]
    ill = [one for one in things if _is_ill(one)]
    named = f": {', '.join(code(one.full_name) for one in ill[:SHOWN])}" if ill else ""
    up = sum(one.running for one in expected)
    return f"{up} of {len(expected)} services running, {len(ill)} unhealthy{named}"


def _is_ill(thing: Thing) -> bool:
    return any(one.health is Health.UNHEALTHY for one in thing.containers)


def _services(findings: Iterable[Finding], severity: Severity) -> set[str]:
    return {one.service or one.place.file for one in findings if one.severity is severity}


def _group(group: Group) -> str:
    one = group.first
    if len(group.findings) == 1:
        return f"**{one.severity.value}** {code(one.id)} {code(one.target)}: {text(one.message)}"
    times = f"{len(group.findings)} × {one.title}"
    return f"**{one.severity.value}** {code(one.rule)} {times}: {_names(group.findings)}"


def _names(findings: Sequence[Finding]) -> str:
    named = list(dict.fromkeys(one.target for one in findings))
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    return ", ".join(code(name) for name in named[:SHOWN]) + more


# ---- continuity -----------------------------------------------------------------------------------------


def _continuity(report: Report, about: About) -> Iterator[str]:
    yield "## Continuity"
    yield ""
    yield from about.against or (
        "No earlier audit is known here, so what is new and what is old cannot be told.",
    )
    if report.waived:
        yield ""
        yield f"Accepted for a time ({len(report.waived)}):"
        yield ""
        for one in report.waived:
            shown = f"{code(one.finding.id)} {code(one.finding.target)} until {text(one.until)}"
            yield f"- {shown}: {text(one.reason)} ({code(str(one.where))})"


# ---- technical status -----------------------------------------------------------------------------------


def _status(report: Report, look: Look) -> Iterator[str]:
    yield "## Technical status"
    yield ""
    yield "### Modules"
    yield ""
    yield from _modules(report, look)
    yield ""
    yield from _chapter("### Errors and warnings", report, _ILL, "No rule that looks for errors found one.")
    yield ""
    yield from _chapter("### Unused or stale", report, _STALE, "Nothing unused or stale was found.")
    yield ""
    yield from _chapter(
        "### Dependency risks", report, _RISKS, "No risk in images or dependencies was found."
    )


def _modules(report: Report, look: Look) -> Iterator[str]:
    counted: dict[str, Counter[Severity]] = defaultdict(Counter)
    for one in report.findings:
        counted[_project(one, look)][one.severity] += 1
    states = {thing.full_name: thing for thing in look.things}
    rows = []
    for model in look.snapshot.models:
        mine = [one for one in look.subjects if one.model is model]
        up = sum(states[one.full_name].running for one in mine if one.full_name in states)
        running = f"{up} of {len(mine)}" if look.snapshot.engines else "not seen"
        rows.append((code(model.name), str(len(mine)), running, *_counts(counted.pop(model.name, Counter()))))
    rest: Counter[Severity] = sum(counted.values(), Counter())
    if rest:
        rows.append(("the estate itself", "", "", *_counts(rest)))
    yield from table(("project", "services", "running", *(one.value for one in Severity)), rows)


def _counts(counted: Counter[Severity]) -> tuple[str, ...]:
    return tuple(str(counted[one] or "·") for one in Severity)


def _project(one: Finding, look: Look) -> str:
    if one.service:
        return one.service.partition("/")[0]
    for model in look.snapshot.models:
        folder = look.snapshot.relative(model.directory)
        if folder != "." and one.place.file.startswith(f"{folder}/"):
            return model.name
    return ""


def _chapter(title: str, report: Report, rules: Sequence[str], nothing: str) -> Iterator[str]:
    yield title
    yield ""
    found = groups([one for one in report.findings if one.rule.startswith(tuple(rules))])
    yield from (f"- {_group(one)}" for one in found)
    if not found:
        yield nothing
    asked = {one.rule for one in report.unknown} | set(report.left_out)
    blind = sorted(one for one in asked if one.startswith(tuple(rules)))
    if blind:
        yield ""
        yield f"Not decided: {', '.join(code(one) for one in blind)}; see [Unknown](#unknown)."


# ---- to-dos, standards, duplication ---------------------------------------------------------------------


def _todo(report: Report) -> Iterator[str]:
    yield "## To-dos and cross-service concerns"
    yield ""
    every = groups(report.findings)
    yield from (f"- [ ] {_group(one)}" for one in every)
    if not every:
        yield "Nothing to do."
    yield ""
    yield "### Cross-service concerns"
    yield ""
    wide = [one for one in every if len(_projects(one.findings)) >= WIDE]
    for one in wide:
        yield f"- {code(one.first.rule)} in {len(_projects(one.findings))} projects: {one.first.title}"
    if not wide:
        yield f"No rule found something in {WIDE} projects or more."


def _projects(findings: Iterable[Finding]) -> set[str]:
    return {(one.service or one.place.file).partition("/")[0] for one in findings}


def _standards(report: Report) -> Iterator[str]:
    yield "## Standards and consistency"
    yield ""
    yield "How many of those that a rule looked at keep it; the least kept first."
    yield ""
    failed = Counter(one.rule for one in report.findings)
    waived = Counter(one.finding.rule for one in report.waived)
    unknown = Counter(one.rule for one in report.unknown)
    rows = []
    for rule in BY_ID.values():
        good, bad = report.passed.get(rule.id, 0), failed[rule.id]
        if good + bad + waived[rule.id] + unknown[rule.id]:
            share = good / (good + bad) if good + bad else 1.0
            kept = f"{share:.0%}" if good + bad else "unknown"
            rows.append((share, rule.id, rule.title, kept, good, bad, waived[rule.id], unknown[rule.id]))
    yield from table(
        ("rule", "wrong is", "kept", "well", "found", "waived", "unknown"),
        ((code(row[1]), row[2], row[3], *map(str, row[4:])) for row in sorted(rows)),
    )


def _duplication(report: Report, look: Look) -> Iterator[str]:
    yield from _chapter(
        "## Duplication and bottlenecks", report, _DOUBLE, "Nothing is there twice, and nothing is short."
    )
    most = sorted(look.dependents.items(), key=lambda one: (-len(one[1]), one[0]))[:5]
    if most:
        yield ""
        yield "On which most depend:"
        yield ""
        yield from (f"- {code(name)}: {len(others)}" for name, others in most)


def _tasks(report: Report) -> Iterator[str]:
    yield "## Task breakdown"
    yield ""
    for title, rules in _TASKS.items():
        found = groups([one for one in report.findings if one.rule.startswith(rules)])
        if found:
            yield f"### {title}"
            yield ""
            yield from (f"{number}. {_task(one)}" for number, one in enumerate(found, 1))
            yield ""
    if not report.findings:
        yield "No tasks."


def _task(group: Group) -> str:
    return f"{group.first.title}: {_names(group.findings)} ({code(group.first.rule)})"


# ---- actions --------------------------------------------------------------------------------------------


def _actions(report: Report) -> Iterator[str]:
    yield "## Prioritised actions"
    number = 0
    for severity in (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM):
        found = [one for one in groups(report.findings) if one.first.severity is severity]
        if not found:
            continue
        yield ""
        yield f"### {severity.value.upper()}"
        for one in found:
            number += 1
            yield ""
            yield from _action(number, one)
    if not number:
        yield ""
        yield "None of weight."


def _action(number: int, group: Group) -> Iterator[str]:
    one, count = group.first, len(group.findings)
    yield f"{number}. **{one.title}** ({code(one.rule)}, {count} {'place' if count == 1 else 'places'})"
    yield f"   - **Command:** {_remedy(one) or 'none: it is decided by hand'}"
    if one.rule in fixes.ALL:
        yield f"   - **In a room:** {code(f'!fix {one.id}')}"
    ranked = f"; {text(one.why_ranked)}" if one.why_ranked else ""
    yield f"   - **Impact:** {_IMPACT[one.severity]}{ranked}"
    times = f", {count} times" if count > 1 else ""
    yield f"   - **Effort:** {_EFFORT[one.fix]}{times}"
    yield f"   - **Where:** {_names(group.findings)}"


def _remedy(one: Finding) -> str:
    """As code where it is a command, else in words."""
    return code(one.remedy) if _COMMAND.match(one.remedy) else text(one.remedy)


def _risks(report: Report, look: Look) -> Iterator[str]:
    yield "## Risks and blockers"
    yield ""
    rows = [
        f"- {code(one.target)} is reached from outside, and {code(one.id)} is {one.severity.value}:"
        f" {text(one.message)}"
        for one in report.findings
        if one.severity.rank <= Severity.HIGH.rank and _is_public(one, look)
    ]
    rows += [f"- {code(one.target)}: {text(one.message)}" for one in report.findings if one.rule == "DEP-04"]
    if report.unknown:
        rows.append(f"- {len(report.unknown)} checks could not be decided: what they look for may be there.")
    yield from rows or ["None that the rules can tell."]


def _is_public(one: Finding, look: Look) -> bool:
    subject = look.by_name.get(one.service)
    return subject is not None and look.is_public(subject)


# ---- findings -------------------------------------------------------------------------------------------


def _findings(report: Report) -> Iterator[str]:
    yield "## Findings"
    if not report.findings:
        yield ""
        yield "None."
    for severity in Severity:
        found = [one for one in report.findings if one.severity is severity]
        if found:
            yield ""
            yield f"### {severity.value.capitalize()} ({len(found)})"
        for one in found:
            yield ""
            yield from _finding(one)


def _finding(one: Finding) -> Iterator[str]:
    yield f"#### {code(one.id)} {text(one.target)}: {text(one.message)}"
    yield ""
    shown = f": {code(one.place.text)}" if one.place.text else ""
    yield f"- **Where:** {code(str(one.place))}{shown}"
    if one.evidence:
        yield f"- **Evidence:** {'; '.join(text(row) for row in one.evidence)}"
    yield f"- **Known from:** {one.kind.value}, confidence {one.confidence.value}"
    if one.remedy:
        yield f"- **Mend:** {_remedy(one)}"
    if one.disprove:
        yield f"- **Wrong if:** {text(one.disprove)}"
    if one.peers:
        yield f"- **As others call it:** {', '.join(code(name) for name in one.peers)}"


def _unknown(report: Report) -> Iterator[str]:
    yield "## Unknown"
    yield ""
    for one in report.unknown:
        at = f" ({code(str(one.place))})" if one.place else ""
        yield f"- {code(one.rule)} {text(one.subject)}{at}: {text(one.why)}"
    if not report.unknown:
        yield "Everything that was asked could be decided."
    if report.left_out:
        yield ""
        yield "Not asked:"
        yield ""
        reasons: dict[str, list[str]] = defaultdict(list)
        for rule, why in report.left_out.items():
            reasons[why].append(rule)
        yield from (
            f"- {', '.join(code(rule) for rule in rules)}: {text(why)}" for why, rules in reasons.items()
        )


def _commands(report: Report) -> Iterator[str]:
    yield "## Execution commands"
    yield ""
    yield "What verifies each claim above, by rule; then all of it again."
    yield ""
    for one in groups(report.findings):
        if one.first.disprove:
            yield f"- {code(one.first.id)}: {text(one.first.disprove)}"
    yield ""
    yield from block(
        [
            *(
                f"tocsin audit --explain {rule}"
                for rule in dict.fromkeys(one.rule for one in report.findings)
            ),
            "tocsin audit .",
        ]
    )
