"""A service's runbook."""

from bot.context import Context
from bot.core.command import ServiceRef, command
from bot.core.doc import Block, Code, Doc, File, Heading, Paragraph, Pre, doc, line
from bot.core.errors import Unknown
from bot.core.model import Risk
from commands.findings import take_audit
from commands.look import look

SHOWN = 30
"""Lines; the file has all."""


@command(risk=Risk.READ)
async def runbook(ctx: Context, service: ServiceRef) -> Doc:
    """What its runbook says: the first lines here, all of it as a file."""
    thing = (await look(ctx.services)).find(service)
    snapshot = (await take_audit(ctx)).snapshot
    folder = snapshot.where.runbooks.strip("/")
    names = dict.fromkeys(filter(None, (thing.name, thing.project)))
    paths = [f"{folder}/{name}{end}" for name in names for end in ("-runbook.md", ".md")]
    found = next((path for path in paths if path in snapshot.texts), None)
    if found is None:
        raise Unknown(f"{thing.full_name} — it has no runbook; write {paths[0]}")
    text = snapshot.texts[found]
    rows = text.strip().splitlines()
    blocks: list[Block] = [
        Heading(line(f"{thing.full_name}: ", Code(found))),
        Pre("\n".join(rows[:SHOWN])),
    ]
    if len(rows) > SHOWN:
        blocks.append(Paragraph(line(f"{len(rows) - SHOWN} more lines in the file")))
    return doc(*blocks, files=[File(found.rpartition("/")[2], "text/markdown", text.encode())])
