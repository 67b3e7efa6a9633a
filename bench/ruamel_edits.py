"""Run by the peer's own Python: change the image of every service by a round trip. Prints seconds, edits,
files that changed in more lines than one, and files that it could not read.

    python bench/ruamel_edits.py FOLDER
"""

import io
import sys
import time
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError


def main(folder: Path) -> None:
    took, edits, wider, unread = 0.0, 0, 0, 0
    for file in sorted(folder.glob("*.yml")):
        text = file.read_text()
        names = [line.split(" ")[1] for line in text.splitlines() if line.startswith("#edit ")]
        began = time.perf_counter()
        try:
            changed = [round_trip(text, name) for name in names]
        except YAMLError:
            unread += 1
            continue
        took += time.perf_counter() - began
        edits += len(names)
        rows = zip(text.splitlines(), changed[0].splitlines(), strict=False)
        wider += sum(a != b for a, b in rows) != 1 or text.count("\n") != changed[0].count("\n")
    print(f"{took} {edits} {wider} {unread}")


def round_trip(text: str, name: str) -> str:
    yaml = YAML()
    yaml.preserve_quotes = True
    tree = yaml.load(text)
    tree["services"][name]["image"] += "-x"
    out = io.StringIO()
    yaml.dump(tree, out)
    return out.getvalue()


main(Path(sys.argv[1]))
