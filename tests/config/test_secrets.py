"""Secrets: where they come from, what is warned about, and that no message ever holds one."""

# ruff: noqa: E501 - exact messages in a table
from pathlib import Path

import pytest

from bot.config import check
from bot.config.model import Config
from tests.config.conftest import MINIMAL, SECRETS, Mistakes, Read

VALUE = "hunter2-Do-Not-Show"


def minimal(line: str) -> str:
    """The minimal configuration with this instead of its token."""
    return MINIMAL.replace("access_token_file: secrets/matrix_token", line)


def token(config: Config) -> str:
    assert config.matrix is not None
    assert config.matrix.access_token is not None
    return config.matrix.access_token.value


def test_from_a_file_one_line_end_stripped(read: Read, folder: Path) -> None:
    (folder / "secrets/matrix_token").write_bytes(b"token\r\n")
    assert token(read(MINIMAL)) == "token"
    (folder / "secrets/matrix_token").write_bytes(b"\xef\xbb\xbftoken")
    assert token(read(MINIMAL)) == "token"
    assert read(MINIMAL).warnings == ()


def test_from_the_environment(read: Read) -> None:
    config = read(minimal('access_token: "${TOKEN}"'), {"TOKEN": VALUE})
    assert token(config) == VALUE
    assert config.warnings == ()
    assert VALUE not in repr(config)


def test_written_inline_it_is_warned_about(read: Read, folder: Path) -> None:
    config = read(minimal(f"access_token: {VALUE}"))
    assert token(config) == VALUE
    assert config.warnings == (
        f"{folder}/config.yml:5: matrix.access_token: the secret is written in the configuration itself: "
        "move it to a file of its own",
    )


@pytest.mark.parametrize("text", ["0123", "on", "3.10", "22:22", "true"])
def test_a_secret_is_text_whatever_it_looks_like(text: str, read: Read) -> None:
    assert token(read(minimal(f"access_token: {text}"))) == text


@pytest.mark.parametrize(("mode", "who"), [(0o640, "its group"), (0o644, "others"), (0o604, "others")])
def test_a_file_that_others_may_read_is_warned_about(mode: int, who: str, read: Read, folder: Path) -> None:
    (folder / "secrets/matrix_token").chmod(mode)
    assert read(MINIMAL).warnings == (
        f'{folder}/config.yml:5: matrix.access_token_file: {who} may read the file "secrets/matrix_token": chmod 600 it',
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('access_token: "${NO}"', "matrix.access_token: the environment has no NO — set NO for this process, or use a file"),
        ('access_token: "${EMPTY}"', "matrix.access_token: the environment's EMPTY is empty — put the secret there"),
        ('access_token: "x${TOKEN}"', "matrix.access_token: ${…} must stand alone — put the whole value into the variable"),
        ("access_token:", "matrix.access_token: no text stands here — give the secret, best as a file"),
        ("access_token: [a]", "matrix.access_token: no text stands here — give the secret, best as a file"),
        ("access_token_file: secrets", 'matrix.access_token_file: "secrets" is not a file — name a file that holds only '
         "the secret"),
        ("access_token_file: empty", 'matrix.access_token_file: the file "empty" is empty — put the secret there'),
        ("access_token_file: lines", 'matrix.access_token_file: the file "lines" has several lines, or invisible '
         "characters — keep only the secret"),
        ("access_token_file: binary", 'matrix.access_token_file: the file "binary" is no text — it must hold only the '
         "secret, in UTF-8"),
        ("access_token_file: large", 'matrix.access_token_file: the file "large" is larger than 64 KiB — it must hold '
         "only the secret"),
        ("access_token: a\n  access_token_file: secrets/matrix_token",
         "matrix.access_token_file: matrix.access_token is given too — keep one of the two"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_secret(line: str, said: str, mistakes: Mistakes, folder: Path) -> None:
    (folder / "empty").write_text("\n")
    (folder / "lines").write_text("a\nb\n")
    (folder / "binary").write_bytes(b"\xff\xfe\xfd")
    (folder / "large").write_text("x" * 70_000)
    [found] = mistakes(minimal(line), {"EMPTY": "", "TOKEN": "t"})
    assert found.partition(" matrix.")[2] == said.removeprefix("matrix.")


def test_a_missing_file_says_where_it_was_looked_for(mistakes: Mistakes) -> None:
    assert mistakes(minimal("access_token_file: secrets/no")) == [
        'config.yml:5: matrix.access_token_file: there is no file "secrets/no" — '
        'it was looked for at "secrets/no"'
    ]


@pytest.mark.parametrize(
    "line",
    [
        f"access_token: {{{VALUE}: {VALUE}}}",
        f"access_token: [{VALUE}]",
        f"access_token: *{VALUE}",
        f"access_token: &{VALUE}",
        f"access_token: !{VALUE}",
        f"access_token: '{VALUE}",
        f'access_token: "{VALUE}\\q"',
        f"access_token: {VALUE}: {VALUE}",
        f"access_token: |\n{VALUE}",
        f"access_token: ${{{VALUE}}}",
        "access_token_file: xoxb-hunter2-Do-Not-Show",
        "access_token_file: syt_hunter2-Do-Not-Show_abcdef",
        "acess_token: hunter2-Do-Not-Show",
        "device: xoxb-hunter2-Do-Not-Show é",
        "homeserver: https://u:hunter2-Do-Not-Show@x",
    ],
)
def test_no_message_holds_a_secret(line: str, mistakes: Mistakes) -> None:
    found = mistakes(minimal(line))
    assert found
    assert not [said for said in found if VALUE in said]


def test_no_report_holds_a_secret(folder: Path, read: Read) -> None:
    example = (Path(__file__).parents[2] / "config.example.yml").read_text()
    for name in SECRETS:
        (folder / "secrets" / name).chmod(0o644)
    config = read(example)
    said = check.report(config) + repr(config)
    assert len(config.warnings) == 6
    assert not [value for value in SECRETS.values() if value in said]
