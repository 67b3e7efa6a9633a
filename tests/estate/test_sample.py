"""The sample estate is what its README says."""

from pathlib import Path

import yaml

from estate.compose.tree import ComposeTree

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "estate"


async def test_twenty_services_should_run_and_every_file_is_readable() -> None:
    tree = await ComposeTree(SAMPLE).tree()
    assert tree.unreadable == {}
    assert len([one for one in tree.services if not one.profiles]) == 20
    assert {one.project for one in tree.services if one.profiles} == {"backup", "mailu", "supabase", "vault"}
    assert len(tree.secrets) >= 15
    assert all(value.startswith(("sample-", "SAMPLE")) or len(value) >= 32 for value in tree.secrets)


def test_each_folder_has_what_its_users_expect() -> None:
    folders = [file.parent for file in SAMPLE.glob("*/docker-compose.yml")]
    for folder in folders:
        for name in (".env", "README.md", "data/.gitkeep"):
            assert (folder / name).is_file(), f"{folder.name}/{name}"
    services = yaml.safe_load((SAMPLE / "SERVICES.yml").read_text())["services"]
    assert {one["dir"] for one in services} == {folder.name for folder in folders}
    for one in services:
        assert {"id", "name", "dir", "type", "status", "depends_on", "description"} <= one.keys()
