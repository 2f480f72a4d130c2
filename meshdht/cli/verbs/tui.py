"""``tui``: the live view."""

from __future__ import annotations

import click

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
    """Open the live view of the chosen network and stay until it is closed."""
    socket = settings.chosen_socket()
    from meshdht_tui.app import run

    code: int = run(socket)
    return code
