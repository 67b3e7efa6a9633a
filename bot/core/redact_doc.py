"""A Doc without a secret: spans (also a secret that two spans share), fields, tables, files. Pure."""

from dataclasses import replace
from itertools import groupby

from bot.core import doc
from bot.core.redact import MARK, Redactor


def redact_doc(document: doc.Doc, redactor: Redactor) -> doc.Doc:
    """The same document in words that may be said."""
    return _Cleaner(redactor).document(document)


class _Cleaner:
    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self.text = redactor.text

    def document(self, document: doc.Doc) -> doc.Doc:
        return doc.Doc(
            tuple(self._block(b) for b in document.blocks), tuple(self._file(f) for f in document.files)
        )

    def _block(self, block: doc.Block) -> doc.Block:
        match block:
            case doc.Heading(spans=spans, tone=tone, symbol=symbol):
                return doc.Heading(self._line(spans), tone, symbol)
            case doc.Paragraph(spans=spans):
                return doc.Paragraph(self._line(spans))
            case doc.Items(lines=lines):
                return doc.Items(tuple(self._line(spans) for spans in lines))
            case doc.Fields(pairs=pairs):
                return doc.Fields(tuple(self._pair(name, spans) for name, spans in pairs))
            case doc.Table(header=header, rows=rows):
                cells = tuple(tuple(self._line(cell) for cell in row) for row in rows)
                return doc.Table(tuple(self.text(name) for name in header), cells)
            case doc.Pre(text=text, language=language):
                return doc.Pre(self.text(text), self.text(language))
            case doc.Choices(confirm=confirm):
                return replace(block, confirm=self.text(confirm))

    def _pair(self, name: str, spans: doc.Line) -> tuple[str, doc.Line]:
        """`password` beside `hunter2`: the name decides about the value, as in `password: hunter2`."""
        name, spans = self.text(name), self._line(spans)
        whole = f"{name}: {doc.plain_line(spans)}"
        return (name, spans) if self.text(whole) == whole else (name, (doc.Text(MARK),))

    def _line(self, spans: doc.Line) -> doc.Line:
        done: list[doc.Span] = []
        for is_mention, run in groupby(spans, key=lambda span: isinstance(span, doc.Mention)):
            each = tuple(self._span(span) for span in run)
            whole = doc.plain_line(each)
            if is_mention or len(each) == 1 or (clean := self.text(whole)) == whole:
                done += each
            else:
                done.append(doc.Text(clean))
        return tuple(done)

    def _span(self, span: doc.Span) -> doc.Span:
        match span:
            case doc.Link(text=text, url=url):
                # A link without its secret leads nowhere: its words stay.
                return doc.Link(self.text(text), url) if self.text(url) == url else doc.Text(self.text(text))
            case doc.Mention(person=person):
                return span if self._redactor.black_out(person) == person else doc.Text(MARK)
            case doc.Jump(text=text, lane=lane):
                return doc.Jump(self.text(text), lane)
            case doc.Text(text=text):
                return doc.Text(self.text(text))
            case doc.Strong(text=text):
                return doc.Strong(self.text(text))
            case doc.Code(text=text):
                return doc.Code(self.text(text))

    def _file(self, file: doc.File) -> doc.File:
        if file.media_type.startswith("image/"):
            return doc.File(self.text(file.name), file.media_type, file.content)
        text = self.text(file.content.decode("utf-8", "surrogateescape"))
        return doc.File(self.text(file.name), file.media_type, text.encode("utf-8", "surrogateescape"))
