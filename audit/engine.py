"""From a snapshot to a report. Pure: the same snapshot, rules and time give the same report."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from audit.look import Look
from audit.model import (
    Failed,
    Finding,
    NotJudged,
    Passed,
    Place,
    Report,
    Result,
    Unknown,
    Waived,
    finding_id,
)
from audit.ranking import score
from audit.rule import Needs, Rule
from audit.waivers import Waivers, covering, read_waivers
from estate.snapshot.live import NOT_ASKED
from estate.snapshot.model import Snapshot

NO_ENGINE_ASKED = "it judges what runs, and only the files were asked for"


def evaluate(
    snapshot: Snapshot, rules: Sequence[Rule], waivers: Waivers | None = None, now: datetime | None = None
) -> Report:
    """`waivers`: None: those of the estate's own file. `now`: None: when the snapshot was taken."""
    now = now or snapshot.taken
    look = Look(snapshot, now)
    waivers = waivers if waivers is not None else read_waivers(snapshot)
    failed: list[tuple[Rule, Failed]] = []
    unknown: list[NotJudged] = []
    passed: Counter[str] = Counter()
    left_out: dict[str, str] = {}
    for one in rules:
        if one.needs_engine and snapshot.no_engine:
            if snapshot.engine_wanted:
                unknown.append(NotJudged(one.id, "what runs", snapshot.no_engine))
            else:
                left_out[one.id] = NO_ENGINE_ASKED
            continue
        absent = _absent(one, snapshot)
        if absent:
            left_out[one.id] = absent
            continue
        results = one.check(look)
        if one.by_absence or one.whole:
            results = _but_partial(look, one, results, unknown)
        for result in results:
            _sort(one, result, failed, unknown, passed)
    findings = _ranked(look, _named(failed))
    kept, waived = _split(findings, waivers, now)
    return Report(tuple(kept), tuple(unknown), tuple(waived), dict(passed), len(look.subjects), left_out)


def _but_partial(
    look: Look, one: Rule, results: Iterable[Result], unknown: list[NotJudged]
) -> Iterator[Result]:
    """Without what is found of services of which more may be said: by what they extend, which could not be
    read (once for each such file); by a file that theirs is put over (once). The subject of several has no
    path in it, so that a comparison takes none of the rule's findings for mended.
    """
    extending: dict[str, list[str]] = {}
    loose: list[str] = []
    bases = look.partial if one.by_absence else {}
    for result in results:
        service = result.service if isinstance(result, Failed) else ""
        if service in bases:
            extending.setdefault(bases[service], []).append(service)
        elif service in look.fragments:
            loose.append(service)
        else:
            yield result
    for base, names in extending.items():
        which = "it extends" if len(names) == 1 else f"{names[0]} and others extend"
        why = f"{base}, which {which}, could not be read"
        unknown.append(NotJudged(one.id, _together(names), why, Place(base)))
    if loose:
        file = look.fragments[loose[0]]
        why = f"{file} is put over another file, which is not known: the rest may be said there"
        unknown.append(NotJudged(one.id, _together(loose), why, Place(file)))


def _together(names: Sequence[str]) -> str:
    each = list(dict.fromkeys(names))
    return each[0] if len(each) == 1 else f"{len(each)} services"


def _absent(one: Rule, snapshot: Snapshot) -> str:
    """Why a rule cannot be asked; empty when it can."""
    if one.needs is Needs.MACHINE and snapshot.machine is None:
        return "it judges the machine that the estate runs on, and nobody looked at one"
    if one.needs is Needs.BACKUPS and snapshot.backups is None:
        return "it judges the backups that the bot makes (estate.backup), and was not told of any"
    if one.needs is Needs.REPOSITORY and (snapshot.backups is None or snapshot.backups.repository is None):
        return "it judges the repository that the bot backs up into (estate.backup), and there is none"
    if one.needs is Needs.DELIVERY and snapshot.delivery is None:
        return "it judges whether alerts arrive in the bot's rooms, and the bot was not asked"
    if one.needs is Needs.PROMETHEUS and snapshot.live.no_prometheus == NOT_ASKED:
        return "it asks Prometheus, and alerts.prometheus does not say where that is"
    if one.needs is Needs.TRAEFIK and snapshot.live.no_traefik == NOT_ASKED:
        return "it asks Traefik, and estate.traefik does not say where that is"
    if one.needs is Needs.REGISTRIES and snapshot.published is None:
        return "it asks registries, which is done where an Engine answers"
    return ""


def _sort(
    one: Rule,
    result: Result,
    failed: list[tuple[Rule, Failed]],
    unknown: list[NotJudged],
    passed: Counter[str],
) -> None:
    match result:
        case Passed():
            passed[one.id] += 1
        case Unknown(subject=subject, why=why, place=place):
            unknown.append(NotJudged(one.id, subject, why, place))
        case Failed():
            failed.append((one, result))


def _named(failed: Iterable[tuple[Rule, Failed]]) -> list[Finding]:
    """With ids: of two that would have the same one, both get longer ones. What is the same is told once."""
    found: dict[tuple[str, ...], tuple[str, Rule, Failed]] = {}
    for one, what in failed:
        parts = (one.id, what.service, what.place.file, what.key)
        if parts not in found:
            found[parts] = (finding_id(*parts), one, what)
    times = Counter(name for name, _, _ in found.values())
    return [
        _finding(name if times[name] == 1 else finding_id(*parts, letters=12), one, what)
        for parts, (name, one, what) in found.items()
    ]


def _finding(name: str, one: Rule, what: Failed) -> Finding:
    return Finding(
        id=name,
        rule=one.id,
        title=one.title,
        severity=what.severity or one.severity,
        service=what.service,
        place=what.place,
        message=what.message,
        evidence=what.evidence,
        kind=what.kind,
        confidence=what.confidence,
        disprove=what.disprove,
        remedy=what.remedy,
        fix=what.fix or one.fix,
        peers=one.peers,
    )


def _ranked(look: Look, findings: Iterable[Finding]) -> list[Finding]:
    scored = []
    for one in findings:
        value, why = score(look, one.service, one.severity, one.confidence)
        scored.append(replace(one, score=value, why_ranked=why))
    return sorted(scored, key=lambda one: (-one.score, one.severity.rank, one.rule, one.place.file, one.id))


def _split(
    findings: Iterable[Finding], waivers: Waivers, now: datetime
) -> tuple[list[Finding], list[Waived]]:
    kept: list[Finding] = []
    waived: list[Waived] = []
    for one in findings:
        by = next(covering(waivers, one, now), None)
        if by is None:
            kept.append(one)
        else:
            waived.append(Waived(one, by.reason, by.until.isoformat(), by.place))
    return kept, waived
