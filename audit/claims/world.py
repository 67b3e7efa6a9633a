"""What a claim is asked of: one moment of the estate, with the names that people have for things. Pure."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from audit.look import Look
from audit.model import Finding, Report
from audit.subject import Subject
from estate.compose.value import text_of
from estate.inventory import Thing

_PLAIN = re.compile(r"[^a-z0-9]+")
_FOLDER_WORDS = ("the ", "a ", "an ", "our ", "service ", "container ")


@dataclass(frozen=True)
class World:
    """`is_past`: an earlier commit, of which only the files are known, and not their modes."""

    look: Look
    report: Report
    is_past: bool = False

    @property
    def has_engine(self) -> bool:
        return bool(self.look.snapshot.engines)

    @property
    def no_engine(self) -> str:
        """Why what runs is not known."""
        if self.is_past:
            return "what ran at that commit is not known"
        return self.look.snapshot.no_engine or "no Engine was asked"

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Also the waived ones: what was accepted is still so."""
        return (*self.report.findings, *(one.finding for one in self.report.waived))

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[Subject, ...]]:
        found: dict[str, list[Subject]] = defaultdict(list)
        for one in self.look.subjects:
            for name in dict.fromkeys(plain(name) for name in self._names(one)):
                found[name].append(one)
        return {name: tuple(each) for name, each in found.items() if name}

    def _names(self, one: Subject) -> list[str]:
        names = [one.full_name, one.name, one.service.container_name or "", one.model.name, one.app]
        names += [one.folder.rpartition("/")[2], one.folder]
        registry = self.look.registry
        for entry in registry.entries if registry else ():
            if entry.folder == one.folder:
                names += [entry.id, text_of(entry.tree.get("name")) or ""]
        return names

    def named(self, name: str) -> tuple[Subject, ...]:
        """The services that a person means by this: the exact one, else all of that project or image."""
        exact = [one for one in self.look.subjects if name in {one.full_name, one.service.container_name}]
        if exact:
            return tuple(exact)
        found = self._by_name.get(plain(name), ())
        narrow = tuple(one for one in found if plain(one.name) == plain(name))
        return narrow or found

    def things(self, name: str) -> tuple[Thing, ...]:
        """What runs, or should, under that name."""
        names = {one.full_name for one in self.named(name)}
        known = tuple(one for one in self.look.things if one.full_name in names)
        return known or tuple(one for one in self.look.things if plain(name) in map(plain, one.names))

    def is_name(self, text: str) -> bool:
        return bool(self.named(text)) or bool(self.things(text))


def plain(name: str) -> str:
    """`Node-RED` and `nodered` are one."""
    text = name.strip().lower()
    for word in _FOLDER_WORDS:
        text = text.removeprefix(word)
    return _PLAIN.sub("", text.removesuffix(" service").removesuffix(" container").removesuffix("/"))
