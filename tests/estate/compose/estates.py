"""Small projects made at random, which know where each image is written and whether it can be pinned."""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from estate.compose.files import Files, no_more
from estate.compose.invocation import Invocation
from estate.compose.model import Model
from estate.compose.resolve import resolve_files

ROOT = Path("/estate/project")
PINNABLE = {
    "literal",
    "env",
    "shared",
    "default",
    "nested",
    "anchor",
    "merge",
    "override",
    "include",
    "extends",
    "tag",
}
REFUSED = {"build", "both", "shell", "unset", "block", "two", "derived"}
COMMENTS = ["", "  # é and 🦊", "  # image: app:1.0", "\t# a tab\t"]
REPOS = ["nginx", "app/web", "reg.example.org:5000/a/b", "ghcr.io/o/x"]
TAGS = ["latest", "1.2.3", "15-alpine", "v2.0", "2024.01"]


@dataclass
class Made:
    """`kinds`: service → how its image is written."""

    files: dict[Path, bytes]
    kinds: dict[str, str]
    shell: dict[str, str] = field(default_factory=dict)

    def model(self) -> Model:
        return resolve_files(Invocation(ROOT, shell=self.shell), Files(no_more, self.files))


def make(rng: Random) -> Made:
    return _Maker(rng).made()


class _Maker:
    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.services: list[str] = []
        self.over: list[str] = []
        self.env: list[str] = ["# settings é 🦊", "OTHER=x  # y"]
        self.anchors: list[str] = []
        self.include: list[str] = []
        self.base: list[str] = []
        self.kinds: dict[str, str] = {}
        self.shell: dict[str, str] = {}

    def made(self) -> Made:
        for at in range(self.rng.randint(1, 5)):
            kind = self.rng.choice(sorted(PINNABLE | REFUSED))
            self.kinds[f"s{at}"] = kind
            getattr(self, f"_{kind}")(f"s{at}")
        head = ["# é 🦊 first", *self.anchors]
        if self.include:
            head.append("include: [part/other.yaml]")
        texts = {"compose.yaml": [*head, "services:", *(self.services or ["  z: {image: 'z:1'}"])]}
        texts[".env"] = self.env
        for name, rows in (
            ("compose.override.yaml", self.over),
            ("part/other.yaml", self.include),
            ("base.yml", self.base),
        ):
            if rows:
                texts[name] = ["services:", *rows]
        return Made({ROOT / name: self._bytes(rows) for name, rows in texts.items()}, self.kinds, self.shell)

    def _bytes(self, rows: list[str]) -> bytes:
        end = self.rng.choice(["\n", "\r\n"])
        text = end.join(rows) + self.rng.choice(["", end])
        return (self.rng.choice(["", "\ufeff"]) + text).encode()

    def _image(self) -> str:
        return f"{self.rng.choice(REPOS)}:{self.rng.choice(TAGS)}"

    def _quoted(self, text: str) -> str:
        quote = self.rng.choice(["", "'", '"'])
        return f"{quote}{text}{quote}"

    def _comment(self) -> str:
        return self.rng.choice(COMMENTS)

    def _service(self, name: str, image: str, into: list[str] | None = None) -> None:
        rows = self.services if into is None else into
        if self.rng.random() < 0.2 and (image[0] in "'\"" or "{" not in image):
            rows.append(f"  {name}: {{restart: always, image:   {image}   }}{self._comment()}")
        else:
            rows += [f"  {name}:", f"    image: {image}{self._comment()}", "    restart: always"]

    def _set(self, name: str, text: str) -> None:
        quote = self.rng.choice(["", "'", '"'])
        export = self.rng.choice(["", "export "])
        comment = self.rng.choice(["", "  # é", " # 🦊 by hand"])
        self.env.append(f"{export}{name}={quote}{text}{quote}{comment}")

    # ---- one method for each way to write an image ------------------------------------------------------

    def _literal(self, name: str) -> None:
        self._service(name, self._quoted(self._image()))

    def _env(self, name: str) -> None:
        self._set(f"V_{name}", self._image())
        self._service(name, self._quoted(f"${{V_{name}:-old:1}}"))

    def _tag(self, name: str) -> None:
        self._set(f"T_{name}", self.rng.choice(TAGS))
        self._service(name, self._quoted(f"{self.rng.choice(REPOS)}:${{T_{name}}}"))

    def _shared(self, name: str) -> None:
        if not any(row.lstrip("export ").startswith("SHARED=") for row in self.env):
            self._set("SHARED", "1.0")
        self._service(name, self._quoted("app/" + name + ":${SHARED}"))

    def _default(self, name: str) -> None:
        self._service(name, self._quoted(f"{self.rng.choice(REPOS)}:${{D_{name}:-{self.rng.choice(TAGS)}}}"))

    def _nested(self, name: str) -> None:
        self._service(name, self._quoted(f"${{A_{name}:-${{B_{name}-{self._image()}}}}}"))

    def _anchor(self, name: str) -> None:
        if not any("&shared" in row for row in self.anchors):
            self.anchors.append(f"x-image: &shared {self._quoted(self._image())}{self._comment()}")
        self.services.append(f"  {name}: {{image: *shared}}")

    def _merge(self, name: str) -> None:
        self.anchors += [f"x-{name}: &m_{name}", f"  image: {self._quoted(self._image())}", "  restart: no"]
        self.services += [f"  {name}:", f"    <<: *m_{name}", "    labels: {a: b}"]

    def _override(self, name: str) -> None:
        self._service(name, self._quoted(self._image()))
        self.over += [f"  {name}:", f"    image: {self._quoted('over/' + self._image())}{self._comment()}"]

    def _include(self, name: str) -> None:
        self._service(name, self._quoted(self._image()), self.include)

    def _extends(self, name: str) -> None:
        self._service(name, self._quoted(self._image()), self.base)
        self.services += [f"  {name}:", f"    extends: {{file: base.yml, service: {name}}}"]

    def _build(self, name: str) -> None:
        self.services += [f"  {name}:", "    build: ."]

    def _both(self, name: str) -> None:
        self.services += [f"  {name}:", "    build: {context: .}", "    image: me/x:1"]

    def _shell(self, name: str) -> None:
        self.shell[f"SH_{name}"] = "9.9"
        self.env.append(f"SH_{name}=1.0")
        self._service(name, f"app:${{SH_{name}:-1}}")

    def _unset(self, name: str) -> None:
        self._service(name, f"app:${{NOWHERE_{name}}}")

    def _block(self, name: str) -> None:
        self.services += [f"  {name}:", "    image: >-", f"      {self._image()}"]

    def _two(self, name: str) -> None:
        self._service(name, self._quoted("app:${X_" + name + ":-1}.${Y_" + name + ":-2}-z"))

    def _derived(self, name: str) -> None:
        self.env += [f"P_{name}=1.0", f"Q_{name}=app:${{P_{name}}}"]
        self._service(name, f"${{Q_{name}}}")
