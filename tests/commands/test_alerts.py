import re
from datetime import timedelta

from bot.testing import FakeAlerts, FakeAlertTest
from tests.commands.test_about import view
from tests.talk import Talk


async def test_no_alert() -> None:
    assert await Talk().ask("ann", "!alerts") == "no alert is firing"


async def test_the_sum_first_and_the_worst_on_top() -> None:
    talk = Talk()
    since = talk.clock.now() - timedelta(minutes=90)
    talk.alerts.views = [
        view("DiskFull", severity="warning", summary="disk is 91 % full"),
        view("ProbeDown", since=since),
        view("Odd", severity="", labels={}),
    ]
    lines = (await talk.ask("ann", "!alerts")).splitlines()
    assert lines[0] == "3 alerts are firing: 1 critical, 1 warning, 1 no severity"
    assert lines[1].split() == ["severity", "alert", "for", "what", "rooms"]
    assert lines[2].split() == ["critical", "ProbeDown", "1", "h", "job=api", "ops"]
    assert lines[3].split()[:3] == ["warning", "DiskFull", "?"]
    assert lines[4].startswith("–")


async def test_news_that_are_old_say_so() -> None:
    talk = Talk()
    now = talk.clock.now()
    talk.alerts.views = [
        view("Fresh", since=now - timedelta(days=3), heard=now - timedelta(hours=4)),
        view("Gone", since=now - timedelta(days=2), heard=now - timedelta(days=2)),
    ]
    said = await talk.ask("ann", "!alerts")
    assert re.search(r"Fresh +3 d  ", said), said
    assert re.search(r"Gone +2 d, last heard of 2 d ago  ", said), said


async def test_many_alerts_are_one_message_with_the_rest_in_a_file() -> None:
    talk = Talk(alerts=FakeAlerts([view(f"A{number}", summary="evil\nline") for number in range(50)]))
    answer = await talk.answer("ann", "!alerts")
    assert answer.doc is not None
    said = await talk.ask("ann", "!alerts")
    assert "and 30 more, all of them in the file" in said
    (file,) = answer.doc.files
    assert len(file.content.decode().splitlines()) == 50
    assert said.count("\n") == 23


async def test_a_test_alert_says_how_long_it_took_to_each_place() -> None:
    tester = FakeAlertTest({"console:ops": 12.4})
    talk = Talk().with_services(alert_test=tester)
    assert await talk.ask("ann", "!test alert") == "the test alert arrived\n- console:ops: 12 ms"
    assert tester.rung == [("ops", "ann")]
    assert (await talk.ask("vic", "!test alert")).startswith("refused: you have the role viewer")
    tester.took = {}
    assert await talk.ask("ann", "!test alert") == (
        "the test alert did not arrive everywhere\n- console:ops: not within 15 s"
    )


async def test_no_webhook_to_test() -> None:
    assert (await Talk().ask("ann", "!test alert")).startswith("there is no webhook here")
