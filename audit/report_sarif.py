"""A report as SARIF 2.1.0 (OASIS), for whoever shows findings beside the code. Pure."""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from audit.model import Finding, NotJudged, Place, Report, Severity, Waived
from audit.rule import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
VERSION = "2.1.0"
ROOT = "ESTATE"
"""What places are relative to: the estate's root."""
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# As GitHub reads `security-severity`: over 9 critical, 7 high, 4 medium, else low.
_SCORES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
    Severity.INFO: "0.5",
}


def as_sarif(report: Report, rules: Sequence[Rule], tool_version: str) -> str:
    """One run, indented, with a line end. `rules`: those that were asked."""
    tree = {"$schema": SCHEMA, "version": VERSION, "runs": [_run(report, rules, tool_version)]}
    return json.dumps(tree, indent=2, ensure_ascii=True) + "\n"


def _run(report: Report, rules: Sequence[Rule], tool_version: str) -> dict[str, Any]:
    index = {one.id: number for number, one in enumerate(rules)}
    return {
        "tool": {
            "driver": {
                "name": "tocsin",
                "version": tool_version,
                "semanticVersion": tool_version,
                "rules": [_rule(one) for one in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "the root of the estate that was audited"}}},
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [_unknown(one, index) for one in report.unknown],
                "toolConfigurationNotifications": [
                    _left_out(rule, why, index) for rule, why in report.left_out.items()
                ],
            }
        ],
        "results": [
            *({**_result(one, index), "rank": rank} for one, rank in _ranked(report.findings)),
            *(_waived(one, index) for one in report.waived),
        ],
    }


def _rule(one: Rule) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": "".join(word.capitalize() for word in one.check.__name__.split("_")),
        "shortDescription": {"text": one.title},
        "fullDescription": {"text": one.help},
        "help": {"text": one.help, "markdown": f"```text\n{one.help}\n```"},
        "defaultConfiguration": {"level": _LEVELS[one.severity]},
        "properties": {
            "severity": one.severity.value,
            "security-severity": _SCORES[one.severity],
            "fix": one.fix.value,
            "tags": [one.id.partition("-")[0], *one.peers],
        },
    }


def _result(one: Finding, index: dict[str, int]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ruleId": one.rule,
        "level": _LEVELS[one.severity],
        "kind": "fail",
        "message": {"text": _words(one)},
        "locations": [_location(one.place, one.service)],
        "partialFingerprints": {"tocsinFinding/v1": one.id},
        "properties": {
            "id": one.id,
            "severity": one.severity.value,
            "security-severity": _SCORES[one.severity],
            "service": one.service,
            "evidence": list(one.evidence),
            "kind": one.kind.value,
            "confidence": one.confidence.value,
            "disprove": one.disprove,
            "remedy": one.remedy,
            "fix": one.fix.value,
            "peers": list(one.peers),
        },
    }
    return _numbered(found, one.rule, index)


def _words(one: Finding) -> str:
    subject = f"{one.target}: " if one.target else ""
    return f"{subject}{one.message}" + (f" Mend: {one.remedy}" if one.remedy else "")


def _ranked(findings: Sequence[Finding]) -> Iterator[tuple[Finding, float]]:
    """Each with its place in our order, as SARIF has it: 100 is the first."""
    for number, one in enumerate(findings):
        yield one, round(100 * (1 - number / len(findings)), 1)


def _waived(one: Waived, index: dict[str, int]) -> dict[str, Any]:
    found = _result(one.finding, index)
    found["suppressions"] = [
        {
            "kind": "external",
            "status": "accepted",
            "justification": f"{one.reason} (until {one.until})",
            "location": _location(one.where, ""),
        }
    ]
    return found


def _location(place: Place, service: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if place.file:
        found["physicalLocation"] = {"artifactLocation": _artifact(place.file), "region": _region(place)}
    if service:
        found["logicalLocations"] = [{"fullyQualifiedName": service, "kind": "service"}]
    return found


def _artifact(file: str) -> dict[str, Any]:
    """A path as a URI: relative to the root, or of this machine where it lies outside."""
    if file.startswith("/"):
        return {"uri": f"file://{quote(file, errors='surrogateescape')}"}
    # A first part with a colon in it would be read as a scheme.
    return {"uri": quote(file, safe="/", errors="surrogateescape"), "uriBaseId": ROOT}


def _region(place: Place) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": place.line, "startColumn": place.column}
    return {**region, "snippet": {"text": place.text}} if place.text else region


def _unknown(one: NotJudged, index: dict[str, int]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "level": "warning",
        "message": {"text": f"{one.subject}: {one.why}"},
        "associatedRule": _numbered({"id": one.rule}, one.rule, index, key="index"),
    }
    if one.place is not None and one.place.file:
        found["locations"] = [_location(one.place, "")]
    return found


def _left_out(rule: str, why: str, index: dict[str, int]) -> dict[str, Any]:
    return {
        "level": "note",
        "message": {"text": f"{rule} was not asked: {why}"},
        "associatedRule": _numbered({"id": rule}, rule, index, key="index"),
    }


def _numbered(
    found: dict[str, Any], rule: str, index: dict[str, int], key: str = "ruleIndex"
) -> dict[str, Any]:
    return {**found, key: index[rule]} if rule in index else found
