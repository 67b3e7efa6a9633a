"""The prompt of a terminal: history, completion, a toolbar, and output that does not break the line.

Imports prompt_toolkit; only `tocsin console` on a terminal imports this file.
"""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.output import Output
from prompt_toolkit.patch_stdout import StdoutProxy

from bot.core.authority import describe
from bot.platforms.console import Console
from bot.platforms.console_text import Known, complete


class Prompt:
    """Reads lines from a terminal. `known` is asked at each completion, so that new services are found."""

    def __init__(
        self,
        console: Console,
        known: Callable[[], Awaitable[Known]],
        *,
        history: Path | None = None,
        keyboard: Input | None = None,
        screen: Output | None = None,
    ) -> None:
        self._console = console
        kept: History = FileHistory(str(history)) if history else InMemoryHistory()
        self._session: PromptSession[str] = PromptSession(
            history=kept,
            completer=_FromRegistry(known),
            complete_while_typing=False,
            bottom_toolbar=self._toolbar,
            input=keyboard,
            output=screen,
        )

    async def __call__(self) -> str | None:
        """The next line; None at its end (Ctrl-D). Ctrl-C drops what was typed."""
        while True:
            try:
                return await self._session.prompt_async(self._message)
            except KeyboardInterrupt:
                continue
            except EOFError:
                return None

    def _message(self) -> FormattedText:
        return FormattedText([("bold", self._console.seat), ("", f"@{self._console.room.name}> ")])

    def _toolbar(self) -> FormattedText:
        seat, room = self._console.seat, self._console.room.name
        text = f" {seat} ({describe(self._console.person)}) · room {room} · /as /room /help /quit"
        return FormattedText([("", text)])


@contextmanager
def above_the_prompt() -> Iterator[None]:
    """While this holds, what is written to standard output appears above the line that is being typed."""
    # prompt_toolkit's own patch_stdout() collects output for 0.2 s, which each answer would come late.
    with (
        StdoutProxy(sleep_between_writes=0.01, raw=True) as proxy,
        contextlib.redirect_stdout(cast(TextIO, proxy)),
    ):
        yield


class _FromRegistry(Completer):
    """Completion from the same registry that runs the commands."""

    def __init__(self, known: Callable[[], Awaitable[Known]]) -> None:
        self._known = known

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        return iter(())

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        for one in complete(document.text_before_cursor, await self._known()):
            yield Completion(f"{one.text} ", -one.replaces, display=one.text, display_meta=one.hint[:60])
