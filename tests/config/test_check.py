"""`tocsin check` as an operator sees it."""

# ruff: noqa: E501 - exact messages

import io
from pathlib import Path
from typing import TextIO

from bot.config import check
from bot.config.model import Config
from tests.config.conftest import COMMANDS, MINIMAL


def run(folder: Path, text: str, online: check.Ask | None = None) -> tuple[int, str]:
    path = folder / "config.yml"
    path.write_text(text)
    out = io.StringIO()
    code = check.run(path, online, out, env={}, commands=COMMANDS)
    return code, out.getvalue().replace(f"{folder}/", "")


def test_good(folder: Path) -> None:
    assert run(folder, MINIMAL) == (
        0,
        "good: matrix, 0 rooms, 0 people, 0 rules, 0 endpoints with 0 routes, on 127.0.0.1:9099\n",
    )


def test_mistakes_and_their_number(folder: Path) -> None:
    assert run(folder, MINIMAL + "nme: x\nfallback: ops\n") == (
        2,
        'config.yml:7: nme: unknown key — did you mean "name"?\n'
        'config.yml:8: fallback: there is no room "ops" — add it under rooms\n'
        "2 mistakes\n",
    )


def test_warnings_are_told_and_harm_nothing(folder: Path) -> None:
    text = """\
rooms: {ops: {matrix: "!abc:example.org"}}
people: {ann: {matrix: "@ann:example.org", roles: [operator]}, sue: {slack: T0AAA/U0BBB}}
policy:
  pin: {by: admin}
  pin grafana: {by: operator, votes: 2}
  backup nwo: {ask: confirm}
alerts: {endpoints: {a: {insecure: true, routes: [{rooms: [ops]}, {rooms: [ops], mention: [sue]}]}}}
"""
    code, said = run(folder, MINIMAL + text)
    assert code == 0
    assert said.splitlines() == [
        "warning: config.yml:10: policy.pin: needs 1 of role admin, which nobody holds: it can never be approved",
        'warning: config.yml:11: policy."pin grafana": is never reached, line 10 decides first',
        'warning: config.yml:11: policy."pin grafana": needs 2 of role operator, which 1 holds: '
        "it can never be approved",
        'warning: config.yml:12: policy."backup nwo": the target is "nwo"; did you mean the command "backup now"?',
        "warning: config.yml:13: alerts.endpoints.a: whoever reaches the port may post alerts here",
        "warning: config.yml:13: alerts.endpoints.a.routes[1]: is never reached, line 13 takes all",
        'warning: config.yml:13: alerts.endpoints.a.routes[1].mention[0]: "sue" has no account where this route rings',
        'warning: config.yml:13: fallback: is not set: what no route takes is shown in "ops", the first room',
        "good: matrix, 1 room, 2 people, 3 rules, 1 endpoint with 2 routes, on 127.0.0.1:9099",
    ]


def test_online_is_asked_only_when_the_file_is_good(folder: Path) -> None:
    asked: list[Config] = []

    def online(config: Config, out: TextIO) -> bool:
        asked.append(config)
        out.write("bad: everything\n")
        return False

    assert run(folder, "nme: x", online)[0] == 2
    assert asked == []
    code, said = run(folder, MINIMAL, online)
    assert code == 1
    assert said.endswith("bad: everything\n")


def test_encryption_required_without_keys_is_warned_about(folder: Path) -> None:
    secure = MINIMAL.replace("off", "required\n  pickle_key_file: secrets/matrix_pickle_key")
    code, said = run(folder, secure + 'people: {ann: {matrix: "@ann:example.org", roles: [viewer]}}\n')
    assert code == 0
    assert said.startswith(
        "warning: config.yml:8: people.ann: has no matrix_keys, so with encryption: required only reading works\n"
    )


def test_the_example_passes_with_the_commands_that_exist(folder: Path) -> None:
    import commands

    example = (Path(__file__).parents[2] / "config.example.yml").read_text()
    path = folder / "config.yml"
    path.write_text(example)
    out = io.StringIO()
    assert check.run(path, None, out, env={}, commands=[command.name for command in commands.ALL]) == 0
    assert out.getvalue() == (
        "good: matrix and slack, 1 room, 2 people, 3 rules, 1 endpoint with 2 routes, on 127.0.0.1:9099\n"
    )


def test_the_policy_reads_as_authorize_reads_it(folder: Path) -> None:
    """The example's words for the policy, decided by the real decision."""
    from bot.config import load
    from bot.core.authority import Asker, Deny, NeedsApproval, authorize
    from bot.core.command import ServiceRef, command
    from bot.core.doc import Doc
    from bot.core.model import Identity, Risk, Room, Trust
    from bot.core.policy import Ask

    @command(risk=Risk.CHANGE)
    async def pin(ctx: object, service: ServiceRef) -> Doc:
        """Pin."""
        raise NotImplementedError

    @command(risk=Risk.CHANGE, name="backup now")
    async def backup_now(ctx: object, service: ServiceRef) -> Doc:
        """Back up."""
        raise NotImplementedError

    path = folder / "config.yml"
    path.write_text((Path(__file__).parents[2] / "config.example.yml").read_text())
    config = load(path, {}, COMMANDS)
    who = Identity("matrix", "@ann:example.org")
    ann = Asker(config.people.who(who), who, Room("matrix", "!abc:example.org", "ops"), Trust())
    asked = {
        name: authorize(ann, what, (target,), config.policy, config.people)
        for name, what, target in [
            ("grafana", pin, "grafana"),
            ("web", pin, "web"),
            ("backup", backup_now, "web"),
        ]
    }
    assert isinstance(asked["grafana"], NeedsApproval)
    assert asked["grafana"].rule.ask is Ask.CONFIRM
    assert isinstance(asked["web"], NeedsApproval)
    assert (asked["web"].rule.ask, asked["web"].rule.by) == (Ask.APPROVE, "admin")
    assert isinstance(asked["backup"], Deny)  # risky, and no line is about it
