"""The routes and inhibitions of an Alertmanager's configuration in one spelling, so that two compare. Pure.

A file may write matchers in three ways (`matchers:` as rows or as one text, `match:`, `match_re:`), and
Alertmanager's `/api/v2/status` writes the one that it has in its own words, with durations reckoned anew and
defaults filled in (prometheus.io/docs/alerting/latest/configuration). Not in it: durations, receivers'
settings.
"""

from collections.abc import Iterator

from bot.core.matcher import Matcher, MatcherError, Op, parse_all
from estate.compose.value import Rows, Section, Tree, child, text_of, texts_of

_DEEPEST = 32


def spelled(tree: Tree | None) -> tuple[str, ...]:
    """A line for each route, the deeper the more indented, then one for each inhibition."""
    rules = child(tree, "inhibit_rules")
    inhibitions = [_inhibition(one) for one in rules] if isinstance(rules, Rows) else []
    return (*_routes(child(tree, "route")), *inhibitions)


def _routes(tree: Tree | None, depth: int = 0) -> Iterator[str]:
    if not isinstance(tree, Section) or depth > _DEEPEST:
        return
    words = [f"to {text_of(child(tree, 'receiver')) or 'the same'}"]
    matchers = _matchers(tree)
    words += [f"if {' and '.join(matchers)}"] if matchers else []
    by = sorted(texts_of(child(tree, "group_by")))
    words += [f"by {', '.join(by)}"] if by else []
    for key, word in (("mute_time_intervals", "not in"), ("active_time_intervals", "in")):
        times = texts_of(child(tree, key))
        words += [f"{word} {', '.join(times)}"] if times else []
    words += ["and on"] if text_of(child(tree, "continue")) == "true" else []
    yield f"{'  ' * depth}{' '.join(words)}"
    below = child(tree, "routes")
    for one in below if isinstance(below, Rows) else ():
        yield from _routes(one, depth + 1)


def _inhibition(tree: Tree) -> str:
    equal = ", ".join(sorted(texts_of(child(tree, "equal"))))
    source, target = (" and ".join(_matchers(tree, f"{side}_")) for side in ("source", "target"))
    return f"{source or 'anything'} silences {target or 'anything'}{f' of the same {equal}' if equal else ''}"


def _matchers(tree: Tree, prefix: str = "") -> list[str]:
    found = [one for text in texts_of(child(tree, f"{prefix}matchers")) for one in _parsed(text)]
    for key, operator in ((f"{prefix}match", Op.EQUAL), (f"{prefix}match_re", Op.REGEX)):
        pairs = child(tree, key)
        for name, value in pairs.items() if isinstance(pairs, Section) else ():
            found.append(str(Matcher(name, operator, text_of(value) or "")))
    return sorted(found)


def _parsed(text: str) -> list[str]:
    """What cannot be read is as it was written: Alertmanager would not have taken it."""
    try:
        return [str(one) for one in parse_all(text)]
    except MatcherError:
        return [text]
