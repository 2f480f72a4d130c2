"""Writes the schema of what ``--json`` prints: ``python docs/schemas/make.py``."""

from __future__ import annotations

import json
from pathlib import Path

from meshdht.cli.schema import schema

HERE = Path(__file__).parent


def text() -> str:
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (HERE / "meshdht.json").write_text(text(), encoding="utf-8")
