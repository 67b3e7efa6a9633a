"""The documents say what is true: links lead somewhere, commands, keys and tests exist, examples are taken by
the programs they are for, and nothing names the machine or the index that something was made with."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import commands
from bot.__main__ import _parser
from bot.config import load
from bot.config.schema import walk
from tests.audit.estate import keep_in_git

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *EXAMPLES.glob("*.md")])
BIN = ROOT / ".venv" / "bin"
NOT_YET = {
    "restart",
    "start",
    "stop",
    "pin",
    "update",
    "rollback",
    "approve",
    "backup",
}
"""Commands that a document may name as what is to come."""


def committed() -> list[Path]:
    """Every file that is, or is about to be, in the repository."""
    argv = [
        "git",
        "-c",
        f"safe.directory={ROOT}",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in said.split("\0") if name and (path := ROOT / name).is_file()]


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(document: Path) -> str:
    """Without its blocks of code."""
    return re.sub(r"(?ms)^ *```.*?^ *```$", "", document.read_text())


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", document.read_text())


def run(*argv: str | Path) -> str:
    """What it says. An AssertionError with its words when it fails."""
    done = subprocess.run(
        [str(word) for word in argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{argv[0]} ended with {done.returncode}: {done.stdout}"
    return done.stdout


# ---- links ----------------------------------------------------------------------------------------------


def anchors(document: Path) -> set[str]:
    """Of each heading, as a forge makes them."""
    heads = re.findall(r"(?m)^#+ (.*)$", document.read_text())
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (document.parent / name).resolve() if name else document
        assert there.exists(), f"{ids(document)} links to {target}, which is not there"
        if anchor:
            assert anchor in anchors(there), f"{ids(document)} links to {target}: no such heading"


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_every_file_and_test_that_is_named_exists(document: Path) -> None:
    folders = "bot|commands|alert_bridge|estate|tests|docs|examples|scripts|requirements"
    named = rf"`((?:{folders})/[^`\s*]*?)(?:::(\w+))?`"
    for name, test in re.findall(named, prose(document)):
        assert (ROOT / name).exists(), f"{ids(document)} names {name}, which is not there"
        if test:
            found = re.search(rf"(?m)^(?:async )?def {test}\b", (ROOT / name).read_text())
            assert found, f"{ids(document)} names {name}::{test}, which is not there"


# ---- commands and keys ----------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_every_command_that_is_named_exists(document: Path) -> None:
    words = {word for command in commands.ALL for word in (command.name, command.words[0])}
    text = document.read_text()
    # A document may write a command of its own, as an example.
    words |= NOT_YET | set(re.findall(r"(?m)^async def (\w+)\(ctx", text))
    for name in re.findall(r"(?m)(?:`|^> )!([a-z][a-z-]*)(?!:)\b", text):
        assert name in words, f"{ids(document)} names !{name}, which is no command"


def test_the_readme_shows_every_command() -> None:
    shown = (ROOT / "README.md").read_text()
    assert [command.name for command in commands.ALL if f"!{command.name}" not in shown] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_every_subcommand_and_option_that_is_named_exists(document: Path) -> None:
    for words in re.findall(
        r"(?m)(?:`|^|/)tocsin ((?:console|run|check|doctor|journal)\b[^`#\n]*)", document.read_text()
    ):
        given = [word for word in words.split() if word != "\\"]
        if given[0] in {"run", "check", "doctor", "journal"} and "--config" not in given:
            given += ["--config", "config.yml"]
        if given[0] == "journal" and (len(given) < 2 or given[1].startswith("-")):
            given.insert(1, "verify")
        _parser().parse_args(given)


def test_every_key_that_is_named_exists() -> None:
    keys = {re.sub(r"\[\]|\.\*", "", path) for path, _ in walk()}
    for path, key in walk():
        above = re.sub(r"\[\]|\.\*", "", path).rpartition(".")[0]
        keys |= {f"{above}.{spelling}".lstrip(".") for spelling in key.spellings}
    sections = {path.partition(".")[0] for path in keys}
    for document in DOCUMENTS:
        for named in re.findall(r"`([a-z]+(?:\.[a-z_]+)+)(?::[^`]*)?`", prose(document)):
            if named.partition(".")[0] in sections and not (ROOT / named).exists():
                module = ROOT / named.replace(".", "/")
                known = named in keys or module.exists() or module.with_suffix(".py").exists()
                assert known, f"{ids(document)} names the key {named}, which is not in the schema"


def test_the_configuration_in_deploy_loads(tmp_path: Path) -> None:
    (text,) = [block for block in blocks(ROOT / "docs" / "deploy.md", "yaml") if "homeserver" in block]
    path = tmp_path / "config.yml"
    path.write_text(text)
    for name in re.findall(r"\w+_file: (\S+)", text):
        secret = tmp_path / name.rstrip("},")
        secret.parent.mkdir(exist_ok=True)
        secret.write_text(f"the value of {secret.name}\n")
        secret.chmod(0o600)
    config = load(path, {}, [command.name for command in commands.ALL])
    assert config.warnings == ()


def test_the_metrics_in_deploy_are_those_that_are_made() -> None:
    made = set(re.findall(r'"(tocsin_\w+)"', (ROOT / "bot" / "metrics.py").read_text()))
    made = {f"{name}_total" if name in {"tocsin_webhooks", "tocsin_deliveries"} else name for name in made}
    told = set(re.findall(r"(?m)^\| `(tocsin_\w+)", (ROOT / "docs" / "deploy.md").read_text()))
    assert told == made
    ruled = set(re.findall(r"\btocsin_\w+", (EXAMPLES / "prometheus-rules.yml").read_text()))
    assert ruled <= made


# ---- examples -------------------------------------------------------------------------------------------


def test_the_compose_file_is_taken_by_compose() -> None:
    shown = yaml.safe_load(run(BIN / "docker-compose", "-f", EXAMPLES / "compose.yml", "config"))
    tocsin, proxy = shown["services"]["tocsin"], shown["services"]["docker-socket-proxy"]
    sockets = [volume for volume in tocsin["volumes"] if "docker.sock" in volume["source"]]
    assert sockets == []
    assert "privileged" not in tocsin
    assert tocsin["cap_drop"] == ["ALL"]
    assert all(port["host_ip"] == "127.0.0.1" for port in tocsin["ports"])
    assert proxy["environment"]["POST"] == "0"
    assert "ports" not in proxy
    assert shown["networks"]["engine"]["internal"] is True
    assert list(proxy["networks"]) == ["engine"]


def test_the_unit_is_taken_by_systemd_and_locked_down(tmp_path: Path) -> None:
    unit = tmp_path / "tocsin.service"
    text = (EXAMPLES / "tocsin.service").read_text()
    unit.write_text(text.replace("/opt/tocsin/.venv/bin/tocsin", str(BIN / "tocsin")))
    said = run("systemd-analyze", "verify", "--man=no", unit)
    assert "tocsin.service" not in said, said
    run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)
    assert "RestartPreventExitStatus=2" in text


def test_the_receiver_is_taken_by_amtool() -> None:
    assert "SUCCESS" in run("amtool", "check-config", EXAMPLES / "alertmanager.yml")


def test_the_rules_are_taken_by_promtool() -> None:
    assert "SUCCESS" in run("promtool", "check", "rules", EXAMPLES / "prometheus-rules.yml")


# ---- nothing of where it was made -----------------------------------------------------------------------

_TEXT = {".md", ".py", ".yml", ".yaml", ".toml", ".txt", ".in", ".sql", ".service", ".json", ".sh", ""}
_PLACES = (
    r"(?<![\w.~-])/(?:work|root)/[A-Za-z.]",
    r"--(?:extra-)?index-url[ =]\S",
    r"https?://[^\s\"')]*/simple/?(?=[\s\"')]|$)",
    r"(?m)^Acquire::http",
)


@pytest.mark.parametrize("pattern", _PLACES)
def test_no_committed_file_names_the_place_it_was_made_at(pattern: str) -> None:
    found = []
    for path in committed():
        if path.suffix in _TEXT and path != Path(__file__).resolve():
            text = path.read_text("utf-8", "replace")
            found += [f"{ids(path)}: {match[0]}" for match in re.finditer(pattern, text)]
    assert found == []


def test_make_is_quick_to_say_what_it_does() -> None:
    said = run("make", "-s", "-C", ROOT, "help", f"PYTHON={sys.executable}")
    assert all(verb in said for verb in ("make run", "make test", "make check", "make bench"))


def test_the_readme_shows_what_an_audit_of_the_sample_says(tmp_path: Path) -> None:
    """As in a clone, where git gives every file the same mode."""
    estate = tmp_path / "examples" / "estate"
    shutil.copytree(EXAMPLES / "estate", estate)
    for path in estate.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    keep_in_git(tmp_path)
    argv = [sys.executable, "-m", "bot", "audit", str(estate), "--no-docker"]
    said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.stdout.partition("\n")[0] in (ROOT / "README.md").read_text().splitlines()
