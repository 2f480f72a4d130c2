"""Asking before what cannot be taken back."""

from __future__ import annotations

import sys

import click

from meshdht.api.errors import ApiError

yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def confirm(what: str, question: str, *, yes: bool) -> None:
    """Have a user confirm, unless ``yes``; raises ApiError, exit code 2, where nobody can be asked.

    ``what`` is to be done: "revoking 'phone'".
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ApiError(f"{what} needs a confirmation", "say --yes", exit_code=2)
    click.confirm(question, abort=True, err=True)
