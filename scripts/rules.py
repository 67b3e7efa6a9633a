#!/usr/bin/env python3
"""Write docs/rules.md from the rules. Run it with .venv/bin/python after a rule has changed."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from audit.rules_page import page  # noqa: E402 - found only now

if __name__ == "__main__":
    (ROOT / "docs" / "rules.md").write_text(page())
