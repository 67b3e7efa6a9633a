"""Write docs/img/estate.svg: the sample estate as `up.py` brings it up, as `--graph` draws it."""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "img" / "estate.svg"


def main() -> None:
    sys.path.insert(0, str(ROOT))
    from estate.drawing import Form, draw
    from tests.audit.sample import picture

    with tempfile.TemporaryDirectory() as folder:
        dot = picture(Path(folder) / "estate")
    PICTURE.write_bytes(asyncio.run(draw(dot, Form.SVG, os.environ["PATH"])))
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
