"""Questions that a rule of the audit answers. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from audit.claims.amount import Amount
from audit.claims.claim import Answer, listed
from audit.claims.files import find
from audit.claims.world import World
from audit.model import Finding


@dataclass(frozen=True, slots=True)
class RuleFinds:
    """One of the rules finds something: at each of these names, where some are given; at so many services.
    `is_so` False: none of them does."""

    rules: tuple[str, ...]
    names: tuple[str, ...] = ()
    amount: Amount | None = None
    is_so: bool = True
    file: str = ""
    """It finds something in this file."""

    def ask(self, world: World) -> Answer:
        found = [one for one in world.findings if one.rule in self.rules]
        if self.file:
            return self._in_file(world, found)
        if self.names:
            return self._named(world, found)
        where = list(dict.fromkeys(one.target for one in found))
        if self.amount is not None:
            fits = self.amount.holds(len(where))
            return _unless_unknown(world, self.rules, Answer(fits, _words(self.rules, where)), found)
        return _unless_unknown(
            world, self.rules, Answer(bool(found) is self.is_so, _words(self.rules, where)), found
        )

    def _in_file(self, world: World, found: Sequence[Finding]) -> Answer:
        entries = find(world, self.file)
        if isinstance(entries, str) or not entries:
            return Answer(None, entries if isinstance(entries, str) else f"there is no {self.file}")
        paths = {one.path for one in entries}
        here = [one for one in found if one.place.file in paths]
        words = here[0].message if here else f"{'/'.join(self.rules)} finds nothing in {self.file}"
        return _unless_unknown(world, self.rules, Answer(bool(here), words), here)

    def _named(self, world: World, found: Sequence[Finding]) -> Answer:
        for name in self.names:
            subjects = world.named(name)
            if not subjects:
                return Answer(None, f"no service here is called {name}")
            names = {one.full_name for one in subjects}
            folders = tuple(f"{one.folder}/" for one in subjects if one.folder)
            here = [
                one
                for one in found
                if one.service in names
                or (not one.service and folders and one.place.file.startswith(folders))
                or any(name in one.message for name in names)
            ]
            if bool(here) is not self.is_so:
                words = f"{self.rules[0]} finds {'nothing' if not here else here[0].id} at {sorted(names)[0]}"
                return _unless_unknown(world, self.rules, Answer(False, words), here)
        return Answer(True, f"{self.rules[0]} says so of {listed(self.names)}")


@dataclass(frozen=True, slots=True)
class FindingIs:
    """A finding of an audit is still one."""

    id: str

    def ask(self, world: World) -> Answer:
        found = next((one for one in world.findings if one.id == self.id), None)
        if found is not None:
            return Answer(True, f"{found.target}: {found.message}")
        rule = self.id.rpartition("-")[0]
        return _unless_unknown(world, (rule,), Answer(False, "it is not found any more"), ())


def _words(rules: Sequence[str], where: Sequence[str]) -> str:
    return f"{'/'.join(rules)} finds {f'{len(where)}: {listed(where)}' if where else 'nothing'}"


def _unless_unknown(world: World, rules: Sequence[str], answer: Answer, found: Sequence[Finding]) -> Answer:
    """That nothing was found means nothing where the rule was not asked, or could not tell."""
    if found:
        return answer
    for rule in rules:
        left_out = world.report.left_out.get(rule)
        if left_out:
            return Answer(None, f"{rule}: {left_out}")
        unknown = next((one for one in world.report.unknown if one.rule == rule), None)
        if unknown is not None:
            return Answer(None, f"{rule}: {unknown.subject}: {unknown.why}")
    if world.is_past and set(rules) <= {"ENV-01"}:
        return Answer(None, "git keeps no modes")
    if all(rule not in world.report.passed for rule in rules):
        return Answer(None, f"{'/'.join(rules)} had nothing to judge")
    return answer
