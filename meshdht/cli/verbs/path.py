"""``path``: every way to a peer, and why it is reached as it is."""

from __future__ import annotations

import sys

import click

from meshdht.api.client import Client
from meshdht.api.path_messages import GetPath, PathPair, PathReport
from meshdht.api.text import NOTHING, age_text, rtt_text
from meshdht.cli import completing
from meshdht.cli.output import Column, coloured, printable, say, say_json, style, table
from meshdht.cli.settings import common_options, json_option, settings_of
from meshdht.cli.values import peer_name

_STYLES = {
    "alive": ("green",),
    "doubted": ("yellow",),
    "new": ("yellow",),
    "probing": ("yellow",),
    "dead": ("red",),
}


@click.command()
@click.argument("peer", type=peer_name, shell_complete=completing.peers)
@json_option
@common_options()
@click.pass_context
def path(context: click.Context, peer: str, as_json: bool) -> None:
    """Every way to PEER (a name, an id or a mesh address), and why it is reached as it is.

    A line a way: its address, what kind of path it makes, its state, the round-trip time, when it
    last answered, and what is the matter with it; the one in use has a star. Exits 1 if there is
    no path.

    \b
    Example: meshdht path nas
    """
    with Client(settings_of(context).chosen_socket()) as daemon:
        report = daemon.path(GetPath(peer))
    if as_json:
        say_json(report)
    else:
        for line in path_lines(report, on=coloured(sys.stdout)):
            say(line)
    if report.kind == "none":
        context.exit(1)


def path_lines(report: PathReport, *, on: bool) -> list[str]:
    """The report as text, in colour if ``on``."""
    name = style(printable(report.peer), "bold", on=on)
    colour = {"none": "red", "relay": "yellow"}.get(report.kind, "green")
    kind = "no path" if report.kind == "none" else str(report.kind)
    if report.relay:
        kind += f" {printable(report.relay)}"
    lines = [f"{name}: {style(kind, colour, on=on)}"]
    if report.why:
        lines.append(f"why: {report.why}")
    lines.append(style(f"NAT here: {report.nat_here}; there: {report.nat_there}", "dim", on=on))
    if not report.pairs:
        return [*lines, "no address of it is known"]
    columns = [
        Column(),
        Column(styles=("cyan",)),
        Column(),
        Column(style_of=lambda text: _STYLES.get(text, ("dim",))),
        Column(right=True),
        Column(styles=("dim",)),
        Column(styles=("dim",)),
    ]
    return [*lines, *table(columns, [_row(pair) for pair in report.pairs], titles=False, on=on)]


def _row(pair: PathPair) -> list[str]:
    age = NOTHING if pair.answered_s is None else f"answered {age_text(pair.answered_s)} ago"
    return [
        "*" if pair.best else " ",
        pair.endpoint,
        pair.kind,
        pair.state,
        rtt_text(pair.rtt_ms),
        age,
        pair.note,
    ]
