"""``whois``: whose an address, a name or a key is."""

from __future__ import annotations

import sys

import click

from meshdht.api.client import Client
from meshdht.api.text import moment_text
from meshdht.api.whois_messages import Match, WhoIs
from meshdht.cli import completing
from meshdht.cli.output import Column, coloured, say, say_json, table
from meshdht.cli.settings import common_options, json_option, settings_of
from meshdht.cli.values import peer_name


@click.command()
@click.argument("what", type=peer_name, shell_complete=completing.devices)
@json_option
@common_options()
@click.pass_context
def whois(context: click.Context, what: str, as_json: bool) -> None:
    """Whose WHAT is: a name, an id, a mesh address, a key, or an address of the world outside.

    Keys are those of `meshdht log` and of `wg show`. At an outer address there may be several,
    behind one router. Exits 2 if it is nobody's.

    \b
    Example: meshdht whois 100.64.7.2
    """
    with Client(settings_of(context).chosen_socket()) as daemon:
        known = daemon.whois(WhoIs(what))
    if as_json:
        say_json(known)
        return
    for number, match in enumerate(known.matches):
        if number:
            say()
        for line in match_lines(match, on=coloured(sys.stdout)):
            say(line)


def match_lines(match: Match, *, on: bool) -> list[str]:
    """A device as text, in colour if ``on``."""
    device = match.device
    state = "this device" if device.this_device else "online" if device.online else "offline"
    rows = [
        ["name", device.name],
        ["addresses", " ".join(device.addresses)],
        ["role", "admin" if device.admin else "member"],
        ["state", f"{state}, at {match.endpoint}" if match.endpoint else state],
        ["tags", " ".join(device.tags)],
        ["joined", moment_text(device.joined)],
        ["id", device.id],
        ["key", match.key],
        ["wireguard key", match.wireguard_key],
        ["version", device.release],
    ]
    columns = [Column(styles=("dim",)), Column()]
    return table(columns, [row for row in rows if row[1]], titles=False, on=on)
