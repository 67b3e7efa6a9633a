from bot.core.journal import Entry, Kind, verify
from tests.talk import Talk


async def test_the_newest_rows_and_the_head() -> None:
    talk = Talk()
    await talk.journal.write(Entry(Kind.START, about={"version": "0.1.0", "platforms": ["matrix", "slack"]}))
    await talk.journal.write(*(await talk.answer("ann", "!ping")).entries)
    await talk.journal.write(*(await talk.answer("eve", "!ping")).entries)
    said = await talk.ask("ann", "!journal")
    number, head = await talk.journal.head()
    lines = said.splitlines()
    assert lines[0] == "Journal: 5 rows"
    assert lines[-1] == f"head: row {number} {head}"
    assert "start: platforms=matrix and slack, version=0.1.0" in said
    assert "asked: !ping" in said
    assert "was answered: ping" in said
    assert "refused: you have no role" in said
    assert verify(talk.journal.rows) is None
    few = (await talk.ask("ann", "!journal 2")).splitlines()
    assert few[0] == "Journal: 5 rows, the newest 2 here"
    assert len(few) == 5


async def test_many_rows_go_into_a_file() -> None:
    talk = Talk()
    await talk.journal.write(*(Entry(Kind.CONFIG, about={"n": n}) for n in range(60)))
    answer = await talk.answer("ann", "!journal 50")
    assert answer.doc is not None
    (file,) = answer.doc.files
    assert len(file.content.decode().splitlines()) == 50


async def test_bounds() -> None:
    for text in ("!journal 0", "!journal 501", "!journal all"):
        assert (await Talk().ask("ann", text)).startswith("usage: !journal [N] — ")


async def test_an_empty_journal() -> None:
    assert (await Talk().ask("ann", "!journal")).startswith("Journal: 0 rows\n")
