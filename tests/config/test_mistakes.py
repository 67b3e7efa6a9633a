"""Each mistake an operator makes: where, what, and what mends it. Exact words, since they are the product."""

import re
from pathlib import Path

import pytest

from bot.core.errors import ConfigError
from tests.config.conftest import MINIMAL, Mistakes, Read

CASES = (Path(__file__).parent / "mistakes.txt").read_text().split("\n\n")[1:]
ABOVE = MINIMAL.count("\n")
GOOD = {
    "$SLACK": "slack: {team: T0AAA, bot_token_file: secrets/slack_bot, app_token_file: secrets/slack_app}",
    "$ROOM": 'rooms: {ops: {matrix: "!abc:example.org"}}',
    "$ANN": 'people: {ann: {matrix: "@ann:example.org", roles: [operator]}}',
}


@pytest.mark.parametrize("case", CASES, ids=[case.partition("\n")[0][:60] for case in CASES])
def test_a_mistake_says_where_what_and_how_to_mend_it(case: str, mistakes: Mistakes) -> None:
    lines = [GOOD.get(line, line) for line in case.strip("\n").split("\n")]
    text = "".join(f"{line}\n" for line in lines if not line.startswith("> "))
    expected = [line[2:] for line in lines if line.startswith("> ")]
    placed = [re.sub(r"\+(\d+)", lambda found: str(ABOVE + int(found[1])), line) for line in expected]
    assert mistakes(MINIMAL + text) == [f"config.yml:{line}" for line in placed]
    assert expected


def test_all_mistakes_come_at_once_in_the_files_order(mistakes: Mistakes) -> None:
    text = "nme: x\nhttp: {listen: 9099}\nmatrix: {homeserver: example.org, user: tocsin}\nfallback: ops\n"
    assert [line.split(" — ")[0] for line in mistakes(text)] == [
        "config.yml:1: nme: unknown key",
        'config.yml:2: http.listen: "9099" has no port',
        'config.yml:3: matrix.homeserver: "example.org" is not a URL',
        'config.yml:3: matrix.user: "tocsin" is not a Matrix user id',
        "config.yml:3: matrix: has neither access_token nor password",
        "config.yml:3: matrix.pickle_key: is missing",
        'config.yml:4: fallback: there is no room "ops"',
    ]


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        ("9099", '"9099" has no port — write "127.0.0.1:9099"'),
        ("localhost", '"localhost" has no port — write address and port: "127.0.0.1:9099"'),
        (":9099", '":9099" names no address — write "127.0.0.1:9099", or "0.0.0.0:9099"'),
        ("127.0.0.1:99999", "99999 is no port — a port is at most 65535"),
        ("127.0.0.300:80", '"127.0.0.300" is no address — write address and port: "127.0.0.1:9099"'),
        (
            "http://127.0.0.1:9099",
            '"http://127.0.0.1:9099" is no address — write address and port: "127.0.0.1:9099"',
        ),
    ],
)
def test_listen_wants_address_and_port(listen: str, said: str, mistakes: Mistakes) -> None:
    assert mistakes(MINIMAL.replace("127.0.0.1:9099", listen)) == [f"config.yml:1: http.listen: {said}"]


def test_a_platform_and_http_are_required(mistakes: Mistakes) -> None:
    assert mistakes("name: tocsin") == [
        'config.yml:1: http: is missing — write http: {listen: "127.0.0.1:9099"}',
        "config.yml:1: matrix: is missing, and slack too — configure one of the two",
    ]


def test_encryption_wants_a_pickle_key_unless_it_is_off(mistakes: Mistakes, read: Read) -> None:
    assert mistakes(MINIMAL.replace("off", "optional")) == [
        "config.yml:2: matrix.pickle_key: is missing — give pickle_key_file (any long random text), "
        "or say encryption: off"
    ]
    both = MINIMAL.replace("off", "required\n  pickle_key_file: secrets/matrix_pickle_key")
    config = read(both)
    assert config.matrix is not None
    assert config.matrix.encryption == "required"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    from bot.config import load

    for path, what in ((tmp_path / "no.yml", "there is no such file"), (tmp_path, "is a folder")):
        with pytest.raises(ConfigError, match=what):
            load(path, {}, ())
