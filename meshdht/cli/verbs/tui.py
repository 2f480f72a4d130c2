"""``tui``: the live view."""

from __future__ import annotations

import sys

import click

from meshdht.api.errors import ApiError
from meshdht.cli.output import interactive, note, say
from meshdht.cli.settings import Settings, common_options, settings_of
from meshdht.cli.values import whole


@click.command()
@click.option("--web", "in_browser", is_flag=True, help="Show it in a browser on this machine.")
@click.option(
    "--port",
    type=whole(0, 65535),
    default=0,
    metavar="PORT",
    help="With --web: the TCP port on the loopback; a free one by default.",
)
@common_options()
@click.pass_context
def tui(context: click.Context, in_browser: bool, port: int) -> None:
    """Watch the network live: every peer, its path, its round-trip time, its traffic.

    With --web it prints an address to open in a browser on this machine, and goes on until it is
    interrupted. Whoever has the address can do in the network what you can.

    \b
    Example: meshdht tui
             meshdht tui --web
    """
    settings = settings_of(context)
    if port and not in_browser:
        raise click.UsageError("--port is for --web")
    context.exit(open_web(settings, port) if in_browser else open_tui(settings))


def open_web(settings: Settings, port: int) -> int:
    """Serve the live view of the chosen network to a browser until interrupted; raises ApiError."""
    command = [sys.executable, "-P", "-m", "meshdht_tui", str(settings.chosen_socket())]
    from meshdht_tui.web import run

    def told(address: str) -> None:
        say(address)
        note("open it in a browser on this machine, and show it to nobody; ctrl+c ends it")

    code: int = run(command, port, told)
    return code


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
