"""``tui``: the live view."""

from __future__ import annotations

import click

from meshdht.api.errors import ApiError
from meshdht.cli.output import interactive
from meshdht.cli.settings import Settings, common_options, settings_of


@click.command()
@common_options()
@click.pass_context
def tui(context: click.Context) -> None:
    """Watch the network live: every peer, its path, its round-trip time, its traffic.

    \b
    Example: meshdht tui
    """
    context.exit(open_tui(settings_of(context)))


def open_tui(settings: Settings) -> int:
    """Open the live view of the chosen network and stay until it is closed; raises ApiError."""
    if not interactive():
        raise ApiError(
            "the live view needs a terminal",
            "meshdht status, or for a script: meshdht status --json",
            exit_code=2,
        )
    socket = settings.chosen_socket()
    from meshdht_tui.app import run

    code: int = run(socket)
    return code
