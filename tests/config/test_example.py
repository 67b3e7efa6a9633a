"""config.example.yml cannot rot: it loads, names every key, and says every default."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config import load, nodes
from bot.config.schema import Key, Listing, SecretValue, Section, Table, Value, walk
from tests.config.conftest import COMMANDS, MINIMAL, Read

EXAMPLE = Path(__file__).parents[2] / "config.example.yml"
# Alternatives stand behind a bare #; taking it away shows every key at once (too many to load together).
EVERYTHING = re.sub(r"(?m)^( *)#(?=[a-z_]+:)", r"\1", EXAMPLE.read_text())


def paths(node: nodes.Node, above: str = "") -> dict[str, nodes.Node]:
    found: dict[str, nodes.Node] = {}
    if isinstance(node, nodes.Mapping):
        for key, value in node.pairs:
            path = f"{above}.{key.text}" if above else key.text
            found |= {path: value, **paths(value, path)}
    elif isinstance(node, nodes.Sequence):
        for item in node.items:
            found |= paths(item, f"{above}[]")
    return found


def places(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(r"\*", r"[^.\[]+"))


WRITTEN = paths(nodes.parse(EVERYTHING.encode())[0])
KEYS = dict(walk())


def written(path: str, key: Key) -> list[nodes.Node]:
    above = path.rpartition(".")[0]
    spellings = [f"{above}.{name}".lstrip(".") for name in key.spellings]
    return [node for spelling in spellings for at, node in WRITTEN.items() if places(spelling).fullmatch(at)]


def test_it_loads_without_mistakes_and_warnings(folder: Path) -> None:
    path = folder / "config.example.yml"
    path.write_bytes(EXAMPLE.read_bytes())
    config = load(path, {}, COMMANDS)
    assert config.warnings == ()
    assert config.matrix is not None
    assert config.slack is not None
    assert config.estate.backup is not None


@pytest.mark.parametrize("path", KEYS)
def test_every_key_is_in_it(path: str) -> None:
    assert written(path, KEYS[path]), f"config.example.yml does not name {path}"


@pytest.mark.parametrize("path", [path for path, key in KEYS.items() if key.default])
def test_every_default_is_said_where_the_key_stands(path: str) -> None:
    lines = EVERYTHING.splitlines()
    said = [lines[node.line - 1] for node in written(path, KEYS[path])]
    assert any(KEYS[path].default in line for line in said), said


def test_every_key_has_a_sentence() -> None:
    lines = EVERYTHING.splitlines()
    bare = {
        path
        for path, key in KEYS.items()
        if isinstance(key.kind, Value | SecretValue | Listing)
        and not any("#" in lines[node.line - 1].replace('"#', "") for node in written(path, key))
    }
    # A person's Matrix account needs no words.
    assert bare <= {"people.*.matrix"}


def test_the_model_and_the_table_agree_on_the_defaults(read: Read) -> None:
    """Writing a default changes nothing."""
    lines = [MINIMAL.replace("encryption: off", "encryption: off\n  device: TOCSIN")]
    for path, key in walk():
        if key.default and "." not in path:
            lines.append(f"{path}: {key.default}\n")
    for name in ("retention", "limits"):
        lines.append(f"{name}:\n")
        lines += [
            f"  {path.partition('.')[2]}: {key.default}\n"
            for path, key in walk()
            if path.startswith(name + ".")
        ]
    estate = [
        (p, k) for p, k in walk() if re.fullmatch(r"estate\.\w+", p) and k.default and p != "estate.docker"
    ]
    lines.append(
        "estate:\n" + "".join(f"  {path.partition('.')[2]}: {key.default}\n" for path, key in estate)
    )
    lines.append("  audit: {waivers: audit-waivers.yml}\n")
    lines.append("  backup: {engine: systemd, unit: x.service, max_age: 26h}\n")
    explicit = read("".join(lines))
    implicit = read(MINIMAL + "estate: {audit: {}, backup: {engine: systemd, unit: x.service}}\n")
    assert replace(explicit, warnings=()) == replace(implicit, warnings=())


def test_the_defaults_of_rules_people_and_routes(read: Read) -> None:
    """The same, where a default stands in a table of the operator's own names."""
    config = """
rooms: {{ops: {{matrix: "!abc:example.org"}}}}
people: {{ann: {{matrix: "@ann:example.org"{person}}}, adam: {{matrix: "@adam:example.org", roles: [admin]}}}}
roles: {{mine: {{may: [status]{role}}}}}
policy: {{pin: {{{rule}}}, break-glass: {{{glass}}}}}
alerts: {{endpoints: {{default: {{token_file: secrets/webhook, routes: [{{rooms: [ops]{route}}}]}}}}}}
"""

    def defaults(prefix: str) -> str:
        found = ((p, k) for p, k in walk() if p.rpartition(".")[0] == prefix and k.default)
        return ", ".join(f"{path.rpartition('.')[2]}: {key.default}" for path, key in found)

    explicit = config.format(
        person=", " + defaults("people.*"),
        role=", " + defaults("roles.*"),
        rule=defaults("policy.*"),
        glass=defaults("policy.break-glass"),
        route=", " + defaults("alerts.endpoints.*.routes[]"),
    )
    implicit = config.format(person="", role="", rule="", glass="", route="")
    assert read(MINIMAL + explicit) == read(MINIMAL + implicit)


def test_every_kind_in_the_table_is_walked() -> None:
    """The proofs above rest on `walk`: it must reach below tables, lists and special keys."""
    assert {"rooms.*.slack", "alerts.endpoints.*.routes[].mention", "policy.break-glass.countdown"} <= set(
        KEYS
    )
    assert {type(key.kind) for key in KEYS.values()} == {Value, SecretValue, Listing, Section, Table}
