"""What is configured, read from trees as people lay them out; nothing that anybody wrote stops the reader."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estate.compose.discover import discover
from estate.compose.file import read_file
from estate.compose.load import DEEPEST, Unreadable, load
from estate.compose.model import fold
from estate.compose.tree import ComposeTree
from estate.model import Service, Tree


async def _tree(root: Path, files: dict[str, str | bytes]) -> Tree:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return await ComposeTree(root).tree()


def _one(tree: Tree) -> Service:
    (service,) = tree.services
    return service


@pytest.mark.parametrize("name", ["compose.yaml", "docker-compose.yml", "stack.yaml", "Grafana.YML"])
async def test_a_compose_file_is_known_by_its_shape(tmp_path: Path, name: str) -> None:
    tree = await _tree(tmp_path, {f"mon/{name}": "services:\n  web:\n    image: nginx:1.2.3\n"})
    assert _one(tree) == Service("mon", "web", f"mon/{name}", "nginx:1.2.3", None)


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  - id: web\n    name: Web\n",
        "services:\n  databases:\n    - name: x\n  volumes: []\n",
        "http:\n  services:\n    web:\n      image: x\n",
        "services:\n  App\\Mailer:\n    autowire: true\n",
        "services: 3\n",
        "- a\n- b\n",
        "",
        "just words",
    ],
)
async def test_other_yaml_is_nobodys_service(tmp_path: Path, text: str) -> None:
    assert await _tree(tmp_path, {"SERVICES.yml": text, "web/x.yml": text}) == Tree()


@pytest.mark.parametrize(
    ("image", "env", "read"),
    [
        ("nginx:${V}", "V=1.2", "nginx:1.2"),
        ("nginx:$V", "V=1.2", "nginx:1.2"),
        ("nginx:${V:-1.0}", "", "nginx:1.0"),
        ("nginx:${V:-1.0}", "V=", "nginx:1.0"),
        ("nginx:${V-1.0}", "V=", "nginx:"),
        ("${A:-${B:-c}}", "", "c"),
        ("${A:-${B:-c}}", "B=b", "b"),
        ("x${V:+yes}", "V=1", "xyes"),
        ("x${V:+yes}", "", "x"),
        ("a$$b", "b=c", "a$b"),
        ("nginx:${V?needed}", "V=1", "nginx:1"),
        ("nginx:${V", "V=1", "nginx:${V"),
        ("nginx:${V}", "export V='1 2' # c", "nginx:1 2"),
        ("nginx:${V}", 'V="1\\t2"', "nginx:1\t2"),
        ("nginx:${V}", "V=1 # comment", "nginx:1"),
        ("nginx:${V}", "V=1#no-comment", "nginx:1#no-comment"),
        ("nginx:${V}", "\ufeffV=1\r\nW=2\r\n", "nginx:1"),
        ("nginx:${V}", "A=1\nV=${A}.2", "nginx:1.2"),
        ("nginx:${V}", "A='two\nlines'\nV=3", "nginx:3"),
    ],
)
async def test_variables_as_compose_fills_them(tmp_path: Path, image: str, env: str, read: str) -> None:
    tree = await _tree(tmp_path, {"a/compose.yml": f"services: {{web: {{image: '{image}'}}}}", "a/.env": env})
    assert _one(tree).image == read


@pytest.mark.parametrize(
    ("name", "folded"),
    [("A b", "ab"), ("--help", "help"), ("Ünï", "n"), ("my_app-2", "my_app-2"), ("", ""), ("_-x", "x")],
)
def test_a_project_name_is_folded_as_compose_does(name: str, folded: str) -> None:
    assert fold(name) == folded


async def test_the_project_is_named_by_env_then_file_then_folder(tmp_path: Path) -> None:
    web = "services: {web: {image: x}}"
    tree = await _tree(
        tmp_path,
        {
            "A b/compose.yml": web,
            "named/compose.yml": f"name: from-file\n{web}",
            "env/compose.yml": f"name: from-file\n{web}",
            "env/.env": "COMPOSE_PROJECT_NAME=from-env",
        },
    )
    assert [service.project for service in tree.services] == ["ab", "from-env", "from-file"]


async def test_override_profiles_replicas_and_extends(tmp_path: Path) -> None:
    tree = await _tree(
        tmp_path,
        {
            "a/docker-compose.yml": """
services:
  web: {image: 'web:1', container_name: the-web}
  debug: {image: 'd:1', profiles: [debug]}
  tool: {image: 't:1', profiles: [tools]}
  off: {image: 'o:1', deploy: {replicas: 0}}
  child: {extends: {file: base.yml, service: base}, container_name: kid}
""",
            "a/docker-compose.override.yml": "services: {web: {image: !override 'web:2', ports: !reset []}}",
            "a/base.yml": "services: {base: {image: 'base:1', profiles: [x]}}",
            "a/docker-compose.dev.yml": "services: {mock: {image: m}}",
            "a/.env": "COMPOSE_PROFILES=tools,more",
        },
    )
    found = {service.name: service for service in tree.services}
    assert found.keys() == {"web", "debug", "tool", "off", "child"}
    assert (found["web"].image, found["web"].container_name) == ("web:2", "the-web")
    assert (found["debug"].profiles, found["tool"].profiles) == (("debug",), ())
    assert found["off"].replicas == 0
    assert (found["child"].image, found["child"].container_name) == ("base:1", "kid")


async def test_include_belongs_to_who_includes(tmp_path: Path) -> None:
    tree = await _tree(
        tmp_path,
        {
            "all/compose.yml": "include: [../db/compose.yml, {path: [./compose.yml]}]\n"
            "services: {web: {image: w}}",
            "db/compose.yml": "services: {db: {image: 'pg:${V}'}}",
            "db/.env": "V=15",
        },
    )
    assert [(one.full_name, one.image) for one in tree.services] == [("all/db", "pg:15"), ("all/web", "w")]


async def test_compose_file_in_env_chooses_the_files(tmp_path: Path) -> None:
    tree = await _tree(
        tmp_path,
        {
            "a/docker-compose.yml": "services: {web: {image: 'w:1'}}",
            "a/docker-compose.prod.yml": "services: {web: {image: 'w:2'}, job: {image: j}}",
            "a/.env": "COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml",
        },
    )
    assert [(one.name, one.image) for one in tree.services] == [("job", "j"), ("web", "w:2")]


async def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    good = "services: {web: {image: x}}"
    tree = await _tree(
        tmp_path,
        {
            "good/compose.yml": good,
            "tab/compose.yml": "services:\n\tweb:\n",
            "alias/docker-compose.yml": "services:\n  web: *elsewhere\n",
            "template/app.yml": "services:\n  web:\n    image: {{ image }}:{{ tag }\n",
            "bytes/compose.yml": b"services:\n  web: {image: \xff}\n",
            "other/values.yml": "{{ not ours",
        },
    )
    assert _one(tree).project == "good"
    assert tree.unreadable.keys() == {
        "alias/docker-compose.yml",
        "bytes/compose.yml",
        "tab/compose.yml",
        "template/app.yml",
    }
    assert "line 2" in tree.unreadable["alias/docker-compose.yml"]


async def test_a_root_that_is_not_there_is_said(tmp_path: Path) -> None:
    tree = await ComposeTree(tmp_path / "nowhere").tree()
    assert tree.unreadable == {".": "no such file or directory"}


async def test_symlink_loops_and_data_folders_end(tmp_path: Path) -> None:
    (tmp_path / "a" / "data").mkdir(parents=True)
    os.symlink(tmp_path, tmp_path / "a" / "loop")
    os.symlink(tmp_path / "b", tmp_path / "b")
    files: dict[str, str | bytes] = {
        "a/compose.yml": "services: {web: {image: x}}",
        "a/data/compose.yml": "services: {dump: {image: x}}",
    }
    assert _one(await _tree(tmp_path, files)).name == "web"
    assert list(discover(tmp_path).folders) == [tmp_path / "a"]


async def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a" / "compose.yml"
    file.parent.mkdir()
    file.write_text("services: {web: {image: 'x:1'}}")
    tree = ComposeTree(tmp_path)
    assert _one(await tree.tree()).image == "x:1"
    file.write_text("services: {web: {image: 'x:2.0'}}")
    assert _one(await tree.tree()).image == "x:2.0"
    file.unlink()
    assert (await tree.tree()).services == ()


async def test_secrets_are_known_by_name_by_url_and_by_look(tmp_path: Path) -> None:
    tree = await _tree(
        tmp_path,
        {
            "wiki/compose.yml": """
services:
  wiki:
    image: wiki:2
    environment:
      DB_PASS: ${DB_PASS}
      DB_URL: postgres://wiki:in-the-url@db/wiki
      LOG_LEVEL: debug
    env_file: [extra.env]
  db:
    image: postgres:15
    environment: [POSTGRES_PASSWORD=listed-one, POSTGRES_USER=wikiuser]
secrets:
  api: {file: ./api.txt}
""",
            "wiki/.env": "DB_PASS=from-dot-env\nPORT=3000\nTZ=Europe/Berlin\nDOMAIN=wiki.example.org\n"
            "ADMIN_PASSWORD=wiki\nKEYCLOAK_HOST=sso.example.org\nSOME_ID=0123456789abcdef0123456789abcdef\n"
            "OPAQUE=0123456789abcdef0123456789abcdef0\nPASSWORD_FILE=/run/secrets/x\nAUTH_ENABLED=true\n",
            "wiki/extra.env": "SESSION_SECRET=from-env-file",
            "wiki/api.txt": "from-secret-file\n",
        },
    )
    assert tree.secrets == {
        "from-dot-env",
        "in-the-url",
        "listed-one",
        "from-env-file",
        "from-secret-file",
        "0123456789abcdef0123456789abcdef0",
    }


# ---- hostile files --------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    for standard in (True, False):
        try:
            read_file(b"services:\n" + data, standard=standard)
            read_file(data, standard=standard)
        except Unreadable:
            pass  # that is an answer, too


BITS = r"""services: web: image: - { } [ ] &a *a <<: !reset !!binary ? | > ' " \0 extends: include: file:
profiles: a ${V:- $ environment: deploy: replicas: env_file: secrets: name: --- # ~ ../ scale: é"""
YAML_BITS = st.lists(st.sampled_from([*BITS.split(), "\n", "\n  ", "\n    ", " ", "\t", "\x00"]), max_size=40)


@settings(max_examples=300, deadline=None)
@given(bits=YAML_BITS)
async def test_no_yaml_crashes_the_tree(tmp_path_factory: pytest.TempPathFactory, bits: list[str]) -> None:
    root = tmp_path_factory.mktemp("any")
    text = "services:\n  web:\n    image: x\n" + "".join(bits)
    assert isinstance(await _tree(root, {"compose.yml": text, "b.yml": "".join(bits), ".env": text}), Tree)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_before_it_hurts(opening: str) -> None:
    with pytest.raises(Unreadable, match=f"deeper than {DEEPEST}"):
        load(b"services: \n " + opening.encode() * 200_000)


def test_merge_keys_do_not_explode() -> None:
    rows = ["a0: &a0 {k: v}"]
    rows += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 30)]
    (document,) = load("\n".join(rows).encode())
    assert isinstance(document, dict)
    assert document["a29"] == {"k": "v"}


def test_scalars_stay_as_written() -> None:
    assert load(b"{a: on, b: 22:22, c: 3.10, d: 0644, e: ~, f: '', g: no}") == [
        {"a": "on", "b": "22:22", "c": "3.10", "d": "0644", "e": None, "f": "", "g": "no"}
    ]


async def test_a_changed_or_new_env_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a" / "compose.yml"
    file.parent.mkdir()
    file.write_text("services: {web: {image: 'x:${V:-1}'}}")
    tree = ComposeTree(tmp_path)
    assert _one(await tree.tree()).image == "x:1"
    (file.parent / ".env").write_text("V=2.0")
    assert _one(await tree.tree()).image == "x:2.0"
    (file.parent / ".env").write_text("V=3.0.0")
    assert _one(await tree.tree()).image == "x:3.0.0"
