"""``manual``: the manual page."""

from __future__ import annotations

import sys

import click

from meshdht.cli.settings import common_options


@click.command()
@common_options(network=False)
def manual() -> None:
    """The manual page of all verbs, as man reads it.

    It is made from the texts of --help. An installation has it already: man meshdht.

    \b
    Example: meshdht manual | man -l -
    """
    from meshdht.cli.manual import manual as page

    sys.stdout.write(page())
