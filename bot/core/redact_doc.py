"""A Doc without a secret: spans (also a secret that two spans share), fields, tables, files. Pure."""

from dataclasses import replace
from itertools import groupby

from bot.core.doc import (
    Block,
    Choices,
    Code,
    Doc,
    Fields,
    File,
    Heading,
    Items,
    Jump,
    Line,
    Link,
    Mention,
    Paragraph,
    Pre,
    Span,
    Strong,
    Table,
    Text,
    plain_line,
)
from bot.core.redact import MARK, Redactor


def redact_doc(document: Doc, redactor: Redactor) -> Doc:
    """The same document in words that may be said."""
    return _Doc(redactor).doc(document)


class _Doc:
    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self.text = redactor.text

    def doc(self, document: Doc) -> Doc:
        return Doc(
            tuple(self._block(b) for b in document.blocks), tuple(self._file(f) for f in document.files)
        )

    def _block(self, block: Block) -> Block:
        match block:
            case Heading(spans=spans, tone=tone, symbol=symbol):
                return Heading(self._line(spans), tone, symbol)
            case Paragraph(spans=spans):
                return Paragraph(self._line(spans))
            case Items(lines=lines):
                return Items(tuple(self._line(spans) for spans in lines))
            case Fields(pairs=pairs):
                return Fields(tuple(self._pair(name, spans) for name, spans in pairs))
            case Table(header=header, rows=rows):
                cells = tuple(tuple(self._line(cell) for cell in row) for row in rows)
                return Table(tuple(self.text(name) for name in header), cells)
            case Pre(text=text, language=language):
                return Pre(self.text(text), self.text(language))
            case Choices(confirm=confirm):
                return replace(block, confirm=self.text(confirm))

    def _pair(self, name: str, spans: Line) -> tuple[str, Line]:
        """`password` beside `hunter2`: the name decides about the value, as in `password: hunter2`."""
        name, spans = self.text(name), self._line(spans)
        whole = f"{name}: {plain_line(spans)}"
        return (name, spans) if self.text(whole) == whole else (name, (Text(MARK),))

    def _line(self, spans: Line) -> Line:
        done: list[Span] = []
        for is_mention, run in groupby(spans, key=lambda span: isinstance(span, Mention)):
            each = tuple(self._span(span) for span in run)
            whole = plain_line(each)
            if is_mention or len(each) == 1 or (clean := self.text(whole)) == whole:
                done += each
            else:
                done.append(Text(clean))
        return tuple(done)

    def _span(self, span: Span) -> Span:
        match span:
            case Link(text=text, url=url):
                # A link without its secret leads nowhere: its words stay.
                return Link(self.text(text), url) if self.text(url) == url else Text(self.text(text))
            case Mention(person=person):
                return span if self._redactor.black_out(person) == person else Text(MARK)
            case Jump(text=text, lane=lane):
                return Jump(self.text(text), lane)
            case Text(text=text):
                return Text(self.text(text))
            case Strong(text=text):
                return Strong(self.text(text))
            case Code(text=text):
                return Code(self.text(text))

    def _file(self, file: File) -> File:
        if file.media_type.startswith("image/"):
            return File(self.text(file.name), file.media_type, file.content)
        text = self.text(file.content.decode("utf-8", "surrogateescape"))
        return File(self.text(file.name), file.media_type, text.encode("utf-8", "surrogateescape"))
