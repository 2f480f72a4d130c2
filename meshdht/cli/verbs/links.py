"""``links``: who is linked to whom, as the devices say."""

from __future__ import annotations

import sys

import click

from meshdht.api.client import Client
from meshdht.api.link_messages import Link, Links
from meshdht.api.text import NOTHING, rtt_text
from meshdht.cli.output import Column, coloured, note, say, say_json, table
from meshdht.cli.settings import common_options, json_option, settings_of
from meshdht.cli.verbs.show import NOBODY, path_styles


@click.command()
@json_option
@common_options()
@click.pass_context
def links(context: click.Context, as_json: bool) -> None:
    """Who is linked to whom: this device's own links, and those that the others have.

    The devices that this one is connected to are asked, which takes up to a second. A line a link:
    both ends, its path (direct, lan, relay), the round-trip time, the share of probes that were
    lost, and who says so.

    \b
    Example: meshdht links
    """
    with Client(settings_of(context).chosen_socket()) as daemon:
        report = daemon.links()
    if as_json:
        say_json(report)
        return
    for line in link_lines(report, on=coloured(sys.stdout)):
        say(line)
    if not report.links:
        note(NOBODY)
    if report.silent:
        note(f"no answer from {', '.join(report.silent)}: their links are told by others alone")


def link_lines(report: Links, *, on: bool) -> list[str]:
    """The links as text, in colour if ``on``."""
    if not report.links:
        return []
    columns = [
        Column("FROM", styles=("bold",)),
        Column("TO", styles=("bold",)),
        Column("PATH", style_of=path_styles),
        Column("ROUND TRIP", right=True),
        Column("LOSS", right=True),
        Column("TOLD BY", styles=("dim",)),
    ]
    return table(columns, [_row(link) for link in report.links], titles=True, on=on)


def _row(link: Link) -> list[str]:
    loss = NOTHING if link.loss is None else f"{link.loss:.0%}"
    told_by = "this device" if link.own else " and ".join(link.told_by)
    return [*link.ends, link.kind, rtt_text(link.rtt_ms), loss, told_by]
