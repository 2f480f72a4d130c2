"""Secrets that a user hands over: from a file, from stdin, or typed unseen; never in argv."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from meshdht.api.errors import ApiError

_CHARACTERS_MAX = 16 * 1024


def read_file(name: str, what: str) -> str:
    """The text of a file, - being stdin; raises ApiError (exit code 2). ``what`` is "the link"."""
    try:
        if name == "-":
            return sys.stdin.read(_CHARACTERS_MAX)
        with Path(name).open(encoding="utf-8") as file:
            return file.read(_CHARACTERS_MAX)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ApiError(f"cannot read {what} from {name}: {reason}", exit_code=2) from None


def ask_unseen(question: str, option: str, *, twice: bool = False) -> str:
    """Have it typed in the terminal, where it is not shown; raises ApiError (exit code 2), which
    names the option that a script uses, if there is none."""
    if not sys.stdin.isatty():
        raise ApiError(f"{question.lower()}: nobody can be asked", f"say {option}", exit_code=2)
    answer: str = click.prompt(question, hide_input=True, confirmation_prompt=twice, err=True)
    return answer
