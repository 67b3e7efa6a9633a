"""The engine: ids that stay, an order that can be explained, what is accepted and for how long."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from audit.engine import evaluate
from audit.model import Severity, finding_id
from audit.rules import ALL
from audit.waivers import Waivers
from tests.audit.cases.case import app, web
from tests.audit.estate import NOW, Runs, judge, snapshot, write

LATEST = app(web(image="nginx"))


def waiver(target: str, rule: str = "IMG-01", until: str = "2026-02-01") -> str:
    return (
        f"waivers:\n  - {{rule: {rule}, target: '{target}', reason: they have no versions, until: {until}}}\n"
    )


def test_an_id_stays_when_lines_move(tmp_path: Path) -> None:
    write(tmp_path, LATEST)
    (before,) = judge(tmp_path, "IMG-01").findings
    write(tmp_path, {"app/compose.yml": "# one\n# two\n" + str(LATEST["app/compose.yml"])})
    (after,) = judge(tmp_path, "IMG-01").findings
    assert (before.place.line, after.place.line) == (3, 5)
    assert before.id == after.id
    assert finding_id("IMG-01", "app/web", "app/compose.yml", "") == before.id


def test_two_services_have_two_ids(tmp_path: Path) -> None:
    write(tmp_path, app(web(image="nginx") + "  b:\n    image: nginx\n"))
    assert len({one.id for one in judge(tmp_path, "IMG-01").findings}) == 2


def test_the_same_snapshot_gives_the_same_report(tmp_path: Path) -> None:
    write(tmp_path, LATEST)
    shot = snapshot(tmp_path)
    assert evaluate(shot, ALL) == evaluate(shot, ALL)


def test_what_is_worse_more_exposed_or_surer_comes_first(tmp_path: Path) -> None:
    write(
        tmp_path,
        app(
            web("ports: ['80:80']", image="nginx:1.99.3")
            + "  inner:\n    image: busybox:1.36.1\n"
            + "  sock:\n    image: a:1.0.0\n    volumes: ['/var/run/docker.sock:/s']\n"
        ),
    )
    report = judge(tmp_path, "RES-01", "OPS-02", "HC-01")
    order = [(one.rule, one.service) for one in report.findings]
    assert order[0] == ("OPS-02", "app/sock")
    limits = [service for rule, service in order if rule == "RES-01"]
    assert limits == ["app/sock", "app/web", "app/inner"]
    assert order.index(("HC-01", "app/web")) > order.index(("RES-01", "app/web")), "HC-01 is less sure"
    scores = [one.score for one in report.findings]
    assert scores == sorted(scores, reverse=True)


def test_no_place_lifts_a_finding_over_the_next_worse_severity(tmp_path: Path) -> None:
    many = "".join(f"  s{n}:\n    image: a:1.0.0\n    depends_on: [web]\n" for n in range(20))
    socket = "volumes: ['/var/run/docker.sock:/s']"
    write(tmp_path, app(web("ports: ['80:80']", socket) + many + "  plain:\n    image: postgres\n"))
    report = judge(tmp_path, "RES-01", "IMG-01")
    assert report.findings[0].rule == "IMG-01"
    assert report.findings[0].severity is Severity.HIGH


def test_a_waiver_takes_a_finding_away_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, app(web(image="nginx") + "  b:\n    image: nginx\n"))
    both = judge(tmp_path, "IMG-01").findings
    for target in (both[0].service, both[0].service.partition("/")[2], both[0].id):
        write(tmp_path, {"audit-waivers.yml": waiver(target)})
        report = judge(tmp_path, "IMG-01")
        assert [one.id for one in report.findings] == [both[1].id]
        assert [one.finding.id for one in report.waived] == [both[0].id]
        assert report.waived[0].reason == "they have no versions"
    write(tmp_path, {"audit-waivers.yml": waiver("app/*")})
    assert judge(tmp_path, "IMG-01").findings == ()
    write(tmp_path, {"audit-waivers.yml": waiver("app/*", rule="IMG-08")})
    assert len(judge(tmp_path, "IMG-01").findings) == 2


def test_a_waiver_counts_to_the_end_of_its_day(tmp_path: Path) -> None:
    write(tmp_path, {**LATEST, "audit-waivers.yml": waiver("app/web", until=NOW.date().isoformat())})
    shot = snapshot(tmp_path)
    rules = [one for one in ALL if one.id in {"IMG-01", "WVR-01"}]
    today = evaluate(shot, rules, now=NOW.replace(hour=23, minute=59))
    assert (len(today.findings), len(today.waived)) == (0, 1)
    tomorrow = evaluate(shot, rules, now=NOW.replace(hour=0) + timedelta(days=1))
    assert sorted(one.rule for one in tomorrow.findings) == ["IMG-01", "WVR-01"]


def test_a_broken_waiver_waives_nothing(tmp_path: Path) -> None:
    write(
        tmp_path,
        {**LATEST, "audit-waivers.yml": waiver("app/web").replace("reason: they have no versions, ", "")},
    )
    assert sorted(one.rule for one in judge(tmp_path, "IMG-01", "WVR-02").findings) == ["IMG-01", "WVR-02"]


def test_without_an_engine_what_runs_is_unknown_and_never_a_pass(tmp_path: Path) -> None:
    write(tmp_path, LATEST)
    report = judge(tmp_path)
    needs = {one.id for one in ALL if one.needs_engine}
    assert needs <= {one.rule for one in report.unknown}
    assert not needs & report.passed.keys()
    assert not {one.id for one in ALL if one.needs} & report.passed.keys()
    asked = evaluate(replace(snapshot(tmp_path), engine_wanted=False), ALL)
    elsewhere = {one.id for one in ALL if one.needs}
    assert needs | elsewhere == asked.left_out.keys()
    assert not needs & {one.rule for one in asked.unknown}


def test_what_a_base_may_hold_that_cannot_be_read_is_unknown_once(tmp_path: Path) -> None:
    """And nothing of it is taken for mended by the next comparison, which goes by the subject."""
    base = "    image: example/%s:1.2.3\n    extends: {file: base.yml, service: base}\n"
    write(
        tmp_path,
        app("  one:\n" + base % "one" + "  two:\n" + base % "two" + "  three:\n    image: x:1.2.3\n"),
    )
    report = judge(tmp_path, "DEP-05")
    assert [one.service for one in report.findings] == ["app/three"]
    (unknown,) = report.unknown
    assert (unknown.subject, str(unknown.place)) == ("2 services", "app/base.yml:1")
    assert unknown.why == "app/base.yml, which app/one and others extend, could not be read"


def test_a_container_that_could_not_be_looked_at_is_unknown(tmp_path: Path) -> None:
    write(tmp_path, app(web()))
    shot = snapshot(tmp_path, [Runs("web").detail])
    (view,) = shot.engines
    blind = replace(shot, engines=(replace(view, details=(), unseen={"app-web-1": "no answer"}),))
    report = evaluate(blind, [one for one in ALL if one.id == "HC-02"])
    assert (report.findings, dict(report.passed)) == ((), {})
    assert [(one.subject, one.why) for one in report.unknown] == [("app-web-1", "no answer")]


def test_waivers_may_be_given(tmp_path: Path) -> None:
    write(tmp_path, {**LATEST, "audit-waivers.yml": waiver("app/web")})
    assert len(evaluate(snapshot(tmp_path), ALL, Waivers()).waived) == 0
