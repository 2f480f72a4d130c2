"""Holds what a verb printed against the published schema."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "meshdht.json").read_text())


def check(verb: str, printed: str) -> None:
    """Every line has to be an object as the schema has it for the verb."""
    lines = printed.splitlines()
    assert lines, f"{verb} printed nothing"
    kind = {"$defs": SCHEMA["$defs"], **SCHEMA["properties"][verb]}
    for line in lines:
        told = json.loads(line)
        Draft202012Validator(kind).validate(told)
        assert told["version"] == 1
