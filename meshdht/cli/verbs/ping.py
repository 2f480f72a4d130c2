"""``ping``: does a peer answer over the mesh, and by which path."""

from __future__ import annotations

import sys

import click

from meshdht.api.client import Client
from meshdht.api.messages import Ping, Pong
from meshdht.api.text import path_text, rtt_text
from meshdht.cli import completing
from meshdht.cli.output import coloured, complain, printable, say, say_json, style
from meshdht.cli.settings import common_options, settings_of
from meshdht.cli.values import peer_name, seconds, whole

_DIRECT = ("direct", "lan")


@click.command()
@click.argument("peer", type=peer_name, shell_complete=completing.peers)
@click.option(
    "-c",
    "--count",
    type=whole(1, 1_000_000),
    metavar="COUNT",
    default=10,
    show_default=True,
    help="Ping so often at most.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=seconds(0.1, 300),
    metavar="SECONDS",
    default=5,
    show_default=True,
    help="Wait so many seconds for each answer.",
)
@click.option(
    "--until-direct/--no-until-direct",
    default=True,
    show_default=True,
    help="Stop at the first answer over a direct path.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@common_options()
@click.pass_context
def ping(
    context: click.Context,
    peer: str,
    count: int,
    timeout_s: float,
    until_direct: bool,
    as_json: bool,
) -> None:
    """Reach PEER (a name, an id or a mesh address) over the mesh, and say by which path.

    Stops once the path is direct. Exits 0 if an answer came, 1 if none did.

    \b
    Example: meshdht ping nas -c 3
    """
    request = Ping(peer=peer, count=count, timeout_s=timeout_s, until_direct=until_direct)
    last: Pong | None = None
    why = ""
    with Client(settings_of(context).chosen_socket()) as daemon:
        for pong in daemon.ping(request):
            if as_json:
                say_json(pong)
            else:
                say(pong_line(pong, timeout_s, on=coloured(sys.stdout)))
            last = pong if pong.rtt_ms is not None else last
            why = pong.path.why
    if last is None:
        said = f"{peer} did not answer" + (f": {printable(why)}" if why else "")
        complain(said, f"meshdht path {peer} shows what was tried")
        context.exit(1)
    if until_direct and last.path.kind not in _DIRECT:
        said = f"no direct path to {last.peer} yet; it is reached by {path_text(last.path)}"
        complain(printable(said + (f": {last.path.why}" if last.path.why else "")))


def pong_line(pong: Pong, timeout_s: float, *, on: bool) -> str:
    """One ping's outcome as text."""
    name = style(printable(pong.peer), "bold", on=on)
    if pong.rtt_ms is None:
        return f"{name}: {style('no answer', 'red', on=on)} within {timeout_s:g} s"
    colour = "green" if pong.path.kind in _DIRECT else "yellow"
    return (
        f"{name}: {style(printable(path_text(pong.path)), colour, on=on)}, {rtt_text(pong.rtt_ms)}"
    )
