"""A command: a function whose signature is its parser and whose docstring is its help.

    @command(risk=Risk.READ)
    async def logs(ctx: Context, service: ServiceRef, *, tail: int = 50, grep: str | None = None) -> Doc:
        '''The last lines of a service, redacted.'''

- a parameter before `*` is given by its place: required without a default, `[OPTIONAL]` with one
- a parameter after `*` is an option: `--tail 50` or `--tail=50`; a `bool` is a flag: `--all`
- converters: `str int bool timedelta Literal[…] StrEnum ServiceRef FindingRef Rest`, each also as `X | None`;
  `Annotated[int, Between(1, 500)]` bounds a number; `Annotated[str, "CODE"]` is shown as CODE

Nothing is registered here; `commands.ALL` lists. Who may is configuration, not declaration.
"""

import inspect
import re
import types
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from bot.core.doc import Doc
from bot.core.duration import read_duration
from bot.core.errors import UsageError
from bot.core.model import Risk
from bot.core.words import BadWord, Word, Words

LONGEST_WORD = 1000
"""Characters in one argument."""

Handler = Callable[..., Awaitable[Doc]]
Previewer = Callable[..., Awaitable[Any]]
Finder = Callable[..., Awaitable[str]]
Splitter = Callable[..., Awaitable["Parts | None"]]
_P = TypeVar("_P", bound=Previewer)
_S = TypeVar("_S", bound=Splitter)
_F = TypeVar("_F", bound=Finder)


@dataclass(frozen=True, slots=True)
class Parts:
    """What one request is made into: a plan for each name, and what is said beside them."""

    names: tuple[str, ...]
    said: Doc


class ServiceRef(str):
    """The name of a service, a `project/service` or a container, as it was typed. Not yet resolved: what it
    names is found against what exists (`estate.resolve`), before anything is decided about it."""

    __slots__ = ()


class FindingRef(ServiceRef):
    """The id of a finding of the audit, as it was typed: `ENV-01-K7QFA`. What it is about decides who may."""

    __slots__ = ()


class Rest(str):
    """All that is left of the line, as it was typed: a reason, a comment. Only as the last positional."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Between:
    """Bounds of a number, both included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a command."""

    name: str
    """As the handler calls it."""
    read: Callable[[str], object]
    """From a word to the value; raises ValueError, in words."""
    metavar: str
    """How the usage line shows the value: `SERVICE`, `N`, `10m`, `json|text`."""
    option: bool = False
    flag: bool = False
    rest: bool = False
    service: bool = False
    required: bool = True
    choices: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """As people type it: `--dry-run` or, in a message, `dry-run`."""
        return ("--" if self.option else "") + self.name.strip("_").replace("_", "-")

    @property
    def usage(self) -> str:
        shown = self.word if self.flag else f"{self.word} {self.metavar}" if self.option else self.metavar
        return shown if self.required else f"[{shown}]"


class Command:
    """A declared command.

    words: what is typed, in lower case: `("test", "alert")`. `params`: in the order of the usage line.
    votes: whether it says yes or no to a plan. stops: it says no, as anybody may to what counts down.
    longest: how long carrying it out may take; None: as long as most may.
    """

    __slots__ = (
        "finder",
        "handler",
        "help",
        "longest",
        "params",
        "planner",
        "risk",
        "splitter",
        "stops",
        "votes",
        "words",
    )

    def __init__(
        self,
        words: tuple[str, ...],
        risk: Risk,
        handler: Handler,
        params: tuple[Param, ...],
        help_text: str,
        votes: bool = False,
        stops: bool = False,
        longest: timedelta | None = None,
    ) -> None:
        self.words = words
        self.risk = risk
        self.handler = handler
        self.params = params
        self.help = help_text
        self.planner: Previewer | None = None
        self.finder: Finder | None = None
        self.splitter: Splitter | None = None
        self.votes = votes
        self.stops = stops
        self.longest = longest

    def __repr__(self) -> str:
        return f"<command {self.name}>"

    @property
    def name(self) -> str:
        return " ".join(self.words)

    @property
    def summary(self) -> str:
        """The first line of the help."""
        return self.help.partition("\n")[0]

    @property
    def target(self) -> Param | None:
        """The parameter that names what the command is about, if there is one."""
        return next((param for param in self.params if param.service), None)

    def preview(self, function: _P) -> _P:
        """Declare how the plan is made. Takes what the command takes, returns the plan, changes nothing."""
        self.planner = function
        return function

    def parts(self, function: _S) -> _S:
        """Declare how one request becomes several plans. Takes what the command takes; returns `Parts`, or
        None when it is one plan as usual. The planner and the finder then get `part=NAME`, too."""
        self.splitter = function
        return function

    def finds(self, function: _F) -> _F:
        """Declare how it is said what is there now, after an execution was cut off. Changes nothing."""
        self.finder = function
        return function

    def usage(self, prefix: str = "!") -> str:
        """`!logs SERVICE [--tail N] [--since 10m]`."""
        return " ".join([prefix + self.name, *(param.usage for param in self.params)])

    def parse(self, text: str, prefix: str = "!") -> dict[str, object]:
        """The handler's arguments, from what stands after the command's words.

        What was left out is left out, so the handler's own defaults hold. Raises UsageError.
        """
        try:
            return _Arguments(self.params).read(Words(text))
        except ValueError as wrong:
            said = str(wrong)
            raise UsageError(self.usage(prefix) + (f" — {said}" if said else "")) from None


class _Arguments:
    """One reading of one line."""

    def __init__(self, params: Sequence[Param]) -> None:
        self._places = [param for param in params if not param.option]
        self._options = {param.name.strip("_").replace("_", "-"): param for param in params if not param.rest}
        self._required = [param for param in params if param.required]
        self._given: dict[str, object] = {}

    def read(self, words: Words) -> dict[str, object]:
        ended = False
        while words.more:
            place = next((p for p in self._places if p.name not in self._given), None)
            if place and place.rest and not (words.peek().startswith("--") and not ended):
                self._give(place, words.rest())
                break
            word = words.next()
            if word.bare and word.text == "--" and not ended:
                ended = True
            elif word.bare and word.text.startswith("--") and not ended:
                self._option(word.text[2:], words)
            elif place:
                self._give(place, word.text)
            else:
                raise BadWord(f"{_short(word.text)} is one word too many")
        if any(param.name not in self._given for param in self._required):
            # Without any word at all the usage line says everything.
            missing = next(param for param in self._required if param.name not in self._given)
            raise BadWord(f"{missing.usage} is missing" if self._given else "")
        return self._given

    def _option(self, text: str, words: Words) -> None:
        name, equals, value = text.partition("=")
        param = self._options.get(name.lower())
        if param is None:
            raise BadWord(f"there is no option --{_short(name)}{self._near(name)}")
        if param.flag and param.option:
            if equals:
                raise BadWord(f"{param.word} takes no value")
            value = "yes"
        elif not equals:
            value = self._value(param, words)
        self._give(param, value)

    @staticmethod
    def _value(param: Param, words: Words) -> str:
        if not words.more:
            raise BadWord(f"--{param.word.removeprefix('--')} needs a value: {param.metavar}")
        word: Word = words.next()
        if word.bare and word.text.startswith("--"):
            raise BadWord(f"--{param.word.removeprefix('--')} needs a value: {param.metavar}")
        return word.text

    def _give(self, param: Param, text: str) -> None:
        if param.name in self._given:
            raise BadWord(f"{param.word} is given twice")
        if not param.rest and len(text) > LONGEST_WORD:
            raise BadWord(f"{param.word} is longer than {LONGEST_WORD} characters")
        try:
            self._given[param.name] = param.read(text)
        except BadWord:
            raise
        except ValueError as wrong:
            raise BadWord(f"{param.word}: {wrong}") from None

    def _near(self, name: str) -> str:
        from difflib import get_close_matches  # only ever needed for a mistake

        names = [key for key, param in self._options.items() if param.option or not param.required]
        found = get_close_matches(name.lower(), names, n=1)
        return f", did you mean --{found[0]}?" if found else ""


def command(
    *,
    risk: Risk = Risk.READ,
    name: str | None = None,
    votes: bool = False,
    stops: bool = False,
    longest: timedelta | None = None,
) -> Callable[[Handler], Command]:
    """Declare a command. Its words are `name`, or the function's own name (`break_glass` → `break-glass`).

    votes: it says yes or no to a plan, so the plan's line of the policy says who may use it, not `may`.
    stops: it says no, which whoever is listed may do to a plan that runs without votes.
    longest: how long carrying it out may take, where that is more than an hour.
    """

    def declare(handler: Handler) -> Command:
        title = name or getattr(handler, "__name__", "").strip("_").replace("_", "-")
        words = tuple(title.lower().split())
        text = inspect.cleandoc(handler.__doc__ or "")
        return Command(words, risk, handler, _params(handler), text, votes, stops, longest)

    return declare


# ---- from a signature to parameters ---------------------------------------------------------------------


def _params(handler: Handler) -> tuple[Param, ...]:
    _, *own = inspect.signature(handler, eval_str=True).parameters.values()
    params = tuple(_param(parameter) for parameter in own)
    places = [param for param in params if not param.option]
    if any(param.rest for param in places[:-1]):
        raise TypeError(f"{handler!r}: Rest must be the last positional")
    return params


def _param(parameter: inspect.Parameter) -> Param:
    option = parameter.kind is inspect.Parameter.KEYWORD_ONLY
    if not option and parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
        raise TypeError(f"{parameter}: a command takes no *args, **kwargs or positional-only parameters")
    annotation = _without_none(parameter.annotation)
    annotation, own_word = _own_word(annotation)
    read, metavar, choices = _converter(parameter.name, annotation, option)
    flag = option and annotation is bool
    if flag and parameter.default is not False:
        raise TypeError(f"{parameter}: a flag is False unless it is given")
    return Param(
        name=parameter.name,
        read=read,
        metavar=own_word or metavar,
        option=option,
        flag=flag,
        rest=annotation is Rest,
        service=annotation in (ServiceRef, FindingRef),
        required=parameter.default is inspect.Parameter.empty,
        choices=choices,
    )


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in {Union, types.UnionType}:
        kept = [arg for arg in get_args(annotation) if arg is not type(None)]
        if len(kept) == 1:
            return kept[0]
    return annotation


_Converter = tuple[Callable[[str], object], str, tuple[str, ...]]


def _own_word(annotation: Any) -> tuple[Any, str]:
    """`Annotated[Rest, "COMMAND"]` is shown as COMMAND."""
    if get_origin(annotation) is Annotated and isinstance(get_args(annotation)[1], str):
        return get_args(annotation)[0], get_args(annotation)[1]
    return annotation, ""


def _converter(name: str, annotation: Any, option: bool) -> _Converter:
    shown = name.strip("_").replace("_", "-").upper()
    if get_origin(annotation) is Annotated:
        kind, bounds = get_args(annotation)[:2]
        if kind is int and isinstance(bounds, Between):
            return lambda text: _within(_int(text), bounds), "N", ()
    if get_origin(annotation) is Literal:
        return _choice({str(value): value for value in get_args(annotation)})
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _choice({str(member.value): member for member in annotation})
    table: dict[Any, _Converter] = {
        str: (_text, "WORD" if option else shown, ()),
        int: (_int, "N", ()),
        bool: (_bool, "yes|no", ("yes", "no")),
        timedelta: (read_duration, "10m", ()),
        ServiceRef: (lambda text: ServiceRef(_text(text)), shown, ()),
        FindingRef: (_finding, shown, ()),
        Rest: (lambda text: Rest(_text(text)), shown, ()),
    }
    if annotation not in table:
        raise TypeError(f"{name}: no converter reads {annotation!r}")
    return table[annotation]


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty")
    return text


def _finding(text: str) -> FindingRef:
    if not re.fullmatch(r"[A-Za-z]{2,5}-\d\d-[A-Za-z0-9]{5,12}", text.strip(), re.ASCII):
        raise ValueError(
            f"{_short(text)} is no finding: audit lists them, ENV-01-K7QFA is what one looks like"
        )
    return FindingRef(text.strip().upper())


def _int(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 15):
        raise ValueError(f"{_short(text)} is not a whole number")
    return int(text)


def _within(number: int, bounds: Between) -> int:
    if not bounds.low <= number <= bounds.high:
        raise ValueError(f"{number} is not between {bounds.low} and {bounds.high}")
    return number


def _bool(text: str) -> bool:
    known = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
    if text.lower() not in known:
        raise ValueError(f"{_short(text)} is neither yes nor no")
    return known[text.lower()]


def _choice(values: Mapping[str, object]) -> _Converter:
    folded = {key.lower(): value for key, value in values.items()}

    def read(text: str) -> object:
        if text.lower() not in folded:
            raise ValueError(f"{_short(text)} is none of {', '.join(values)}")
        return folded[text.lower()]

    return read, "|".join(values), tuple(values)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
