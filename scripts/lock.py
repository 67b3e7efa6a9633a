"""Write requirements/*.txt from requirements/*.in: pinned, hashed, for every platform, naming no index.

Needs `uv` on PATH or in .venv (pip install uv); it is used for this and nothing else.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "requirements"
# Later files are constrained by earlier ones.
ORDER = (
    "build",
    "runtime",
    "hands",
    "dev",
    "synapse",
    "bench-alertbot",
    "bench-errbot",
    "bench-ruamel",
    "bench-composelint",
)


def main() -> int:
    uv = shutil.which("uv") or shutil.which("uv", path=str(FOLDER.parent / ".venv" / "bin"))
    if uv is None:
        print("uv is not installed. Get it with: .venv/bin/pip install uv", file=sys.stderr)
        return 2
    for name in ORDER:
        argv = [uv, "pip", "compile", "-q", "--universal", "--python-version", "3.11", "--generate-hashes"]
        argv += [
            "--no-header",
            "--no-emit-index-url",
            "--no-emit-find-links",
            f"{name}.in",
            "-o",
            f"{name}.txt",
        ]
        subprocess.run(argv, check=True, cwd=FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
