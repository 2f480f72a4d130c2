"""Writes ``config.toml``: a line is changed, what the user wrote beside it stays."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from meshdht.errors import StateError

# What tells where a list ends: a string and a comment may hold brackets of their own.
_PARTS = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|\[|\]|\n')

Value = bool | int | str | list[str] | None


def with_values(text: str, values: Mapping[str, Value]) -> str:
    """The file's text with these keys set; None takes a key out."""
    for key, value in values.items():
        text = _with_value(text, key, value)
    return text


def _with_value(text: str, key: str, value: Value) -> str:
    line = "" if value is None else f"{key} = {_toml(value)}\n"
    there = re.search(rf"^[ \t]*{re.escape(key)}[ \t]*=", text, re.MULTILINE)
    if there:
        return text[: there.start()] + line + text[_end_of_line(text, there.end()) :]
    if text and not text.endswith("\n"):
        text += "\n"
    # What follows a table's head belongs to that table.
    table = re.search(r"^[ \t]*\[", text, re.MULTILINE)
    at = table.start() if table else len(text)
    return text[:at] + line + text[at:]


def _end_of_line(text: str, at: int) -> int:
    """Where the line ends that a value begins in; a list goes on until its last bracket."""
    depth = 0
    for part in _PARTS.finditer(text, at):
        match part[0]:
            case "[":
                depth += 1
            case "]":
                depth -= 1
            case "\n" if depth <= 0:
                return part.end()
    return len(text)


def _toml(value: bool | int | str | list[str]) -> str:
    # JSON's strings without escapes of surrogates are TOML's basic strings.
    return json.dumps(value, ensure_ascii=False)


def write_file(path: Path, text: str) -> None:
    """Replace a file at once and whole, for its owner alone; raises StateError."""
    draft = path.with_name(f".{path.name}.new")
    try:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise StateError(
            f"cannot write {path}: {error.strerror}; what was set holds until the daemon ends",
            "is the disk full?",
        ) from None
