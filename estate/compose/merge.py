"""One layer over another, by Compose's rules. Pure: both layers stay as they are."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from estate.compose.source import Unreadable
from estate.compose.value import Overriding, Reset, Rows, Section, Tree, Value

_MOST = 200_000
"""Values that one merge may look at."""

Path = tuple[str, ...]


class Merge:
    """`over` wins. Raises Unreadable when the two do not fit together (a list over a mapping)."""

    def __init__(self) -> None:
        self._left = _MOST

    def trees(self, base: Section, over: Section, path: Path = ()) -> Section:
        """Two mappings; a mark of `over` (`!reset`, `!override`) takes away what `base` has there, and stays,
        so that it does the same to what comes below later."""
        merged = Section(base, source=over.source, span=over.span, overrides=over.overrides)
        merged.keys_at = {**base.keys_at, **over.keys_at}
        for key, new in over.items():
            self._left -= 1
            if self._left < 0:
                raise Unreadable(f"merging needs more than {_MOST} steps")
            old = base.get(key)
            replaces = key.startswith("x-") or old is None or isinstance(old, Reset) or _marked(new)
            merged[key] = new if replaces or old is None else self._two(old, new, (*path, key))
        return merged

    def _two(self, old: Tree, new: Tree, path: Path) -> Tree:
        old = old.value if isinstance(old, Overriding) else old
        rule = _RULES.get(path[2:]) if len(path) > 2 and path[0] == "services" else None
        if rule is not None:
            return rule(self, old, new, path)
        return self.plain(old, new, path)

    def plain(self, old: Tree, new: Tree, path: Path) -> Tree:
        """Mappings merge, lists grow, anything else is replaced."""
        if _is_null(old) or _is_null(new):
            return old if _is_null(new) and isinstance(old, Section | Rows) else new
        if isinstance(old, Section) and isinstance(new, Section):
            return self.trees(old, new, path)
        if isinstance(old, Rows) and isinstance(new, Rows):
            return Rows([*old, *new], source=new.source, span=new.span, overrides=old.overrides)
        if isinstance(old, Section | Rows) or isinstance(new, Section | Rows):
            raise Unreadable(f"{'.'.join(path)}: the layers do not fit together (a list and a mapping)")
        return new


def _marked(tree: Tree) -> bool:
    return isinstance(tree, Reset | Overriding) or (isinstance(tree, Section | Rows) and tree.overrides)


def _is_null(tree: Tree) -> bool:
    return isinstance(tree, Value) and tree.data is None


def _replace(merge: Merge, old: Tree, new: Tree, path: Path) -> Tree:
    return new


def _pairs(merge: Merge, old: Tree, new: Tree, path: Path) -> Tree:
    """`environment`, `labels`: both spellings, by name."""
    if not isinstance(old, Section | Rows) or not isinstance(new, Section | Rows):
        return merge.plain(old, new, path)
    keys_at = {**getattr(old, "keys_at", {}), **getattr(new, "keys_at", {})}
    both = dict(named(old)) | dict(named(new))
    return Section(both, source=new.source, span=new.span, keys_at=keys_at, overrides=old.overrides)


def _by_name(merge: Merge, old: Tree, new: Tree, path: Path) -> Tree:
    """`depends_on`, `networks`: a list is a mapping without details."""
    if isinstance(old, Rows) == isinstance(new, Rows) or isinstance(old, Value) or isinstance(new, Value):
        return merge.plain(old, new, path)
    if isinstance(old, Section | Rows) and isinstance(new, Section | Rows):
        return merge.trees(_as_section(old), _as_section(new), path)
    return new


def _as_section(tree: Section | Rows) -> Section:
    if isinstance(tree, Section):
        return tree
    rows = ((one.text, one) for one in tree if isinstance(one, Value))
    return Section(rows, source=tree.source, span=tree.span, overrides=tree.overrides)


def _one_or_many(merge: Merge, old: Tree, new: Tree, path: Path) -> Tree:
    """`env_file`, `dns`: a text is a list of one."""
    lists = [tree if isinstance(tree, Rows) else Rows([tree]) for tree in (old, new)]
    return merge.plain(lists[0], lists[1], path)


def _build(merge: Merge, old: Tree, new: Tree, path: Path) -> Tree:
    both = [Section({"context": one}) if isinstance(one, Value) else one for one in (old, new)]
    return merge.plain(both[0], both[1], path)


def _logging(merge: Merge, old: Tree, new: Tree, path: Path) -> Tree:
    """Options are those of one driver."""
    drivers = [one.get("driver") if isinstance(one, Section) else None for one in (old, new)]
    texts = [one.text if isinstance(one, Value) else None for one in drivers]
    return new if None not in texts and texts[0] != texts[1] else merge.plain(old, new, path)


_RULES: dict[Path, Callable[[Merge, Tree, Tree, Path], Tree]] = {
    ("command",): _replace,
    ("entrypoint",): _replace,
    ("healthcheck", "test"): _replace,
    ("environment",): _pairs,
    ("labels",): _pairs,
    ("annotations",): _pairs,
    ("sysctls",): _pairs,
    ("extra_hosts",): _by_name,
    ("build", "args"): _pairs,
    ("build", "labels"): _pairs,
    ("deploy", "labels"): _pairs,
    ("depends_on",): _by_name,
    ("networks",): _by_name,
    ("env_file",): _one_or_many,
    ("label_file",): _one_or_many,
    ("dns",): _one_or_many,
    ("dns_search",): _one_or_many,
    ("tmpfs",): _one_or_many,
    ("build",): _build,
    ("logging",): _logging,
}


def named(tree: Tree | None) -> Iterator[tuple[str, Tree]]:
    """`environment:` and its like, as a mapping or as a list of `NAME=value`; a name alone has a null."""
    if isinstance(tree, Section):
        yield from tree.items()
    elif isinstance(tree, Rows):
        for one in tree:
            if isinstance(one, Value) and one.data is not None:
                name, equals, _ = one.text.partition("=")
                yield name, one.after(len(name) + 1) if equals else _nothing(one)


def _nothing(value: Value) -> Value:
    return replace(value, data=None)
