"""``netcheck``: what the network around this device lets it do."""

from __future__ import annotations

import sys

import click

from meshdht.api.client import Client
from meshdht.api.netcheck_messages import NatReport, NetCheck
from meshdht.api.text import rtt_text
from meshdht.cli.output import Column, coloured, printable, say, say_json, style, table
from meshdht.cli.progress import Progress
from meshdht.cli.settings import common_options, json_option, settings_of

EXPECTED_S = 3.0
_COLOURS = {"works": "green", "blocked": "red", "unknown": "yellow"}
_MAPPINGS = {
    "none": "none: others see this device's own address",
    "endpoint-independent": "endpoint-independent: all peers see the same port",
    "address-dependent": "address-dependent: each address sees another port",
    "address-and-port-dependent": "address- and port-dependent: each peer sees another port",
}
_FILTERINGS = {
    "endpoint-independent": "endpoint-independent: everybody is let in",
    "address-dependent": "address-dependent: who was sent to is let in, from any port",
    "address-and-port-dependent": "address- and port-dependent: only who was sent to is let in",
}


@click.command()
@json_option
@common_options()
@click.pass_context
def netcheck(context: click.Context, as_json: bool) -> None:
    """What the network around this device lets it do.

    Says at which addresses others see it, how the NAT before it behaves (in the terms of RFC
    4787), what opens ports, which relays answer, and what that means. Peers help to find it out:
    takes up to three seconds. Exits 1 if UDP gets nowhere.

    \b
    Example: meshdht netcheck
    """
    with (
        Client(settings_of(context).chosen_socket()) as daemon,
        Progress("asking peers what they see", expected_s=EXPECTED_S),
    ):
        check = daemon.netcheck()
    if as_json:
        say_json(check)
    else:
        for line in netcheck_lines(check, on=coloured(sys.stdout)):
            say(line)
    if check.udp == "blocked":
        context.exit(1)


def netcheck_lines(check: NetCheck, *, on: bool) -> list[str]:
    """The check as text, in colour if ``on``."""
    said = "UDP not tried" if check.udp == "unknown" else f"UDP {check.udp}"
    udp = style(said, _COLOURS[check.udp], on=on)
    head = style(check.network, "bold", on=on) + style(" · ", "dim", on=on) + udp
    relays = [
        f"{printable(relay.name)} {rtt_text(relay.rtt_ms)}".rstrip() for relay in check.relays
    ]
    public = check.public or ("not known",)
    rows = [
        ["public address", public[0]],
        *(["", each] for each in public[1:]),
        *_nat_rows(check.nat),
        ["port mapping", ", ".join(map(printable, check.port_mapping)) or "none found"],
        ["relays", ", ".join(relays) or "none answer"],
    ]
    columns = [Column(styles=("dim",)), Column()]
    portal = [style(printable(check.portal), "yellow", on=on)] if check.portal else []
    return [head, *table(columns, rows, titles=False, on=on), *portal, check.summary]


def _nat_rows(nat: NatReport) -> list[list[str]]:
    if nat.mapping == "none":
        return [["NAT", _MAPPINGS["none"]], ["forgets a silent peer", _lifetime(nat)]]
    return [
        ["mapping", _MAPPINGS.get(nat.mapping, "not known")],
        ["filtering", _FILTERINGS.get(nat.filtering, "not known")],
        ["hairpinning", _yes(nat.hairpin)],
        ["port preserved", _yes(nat.port_preserved)],
        ["forgets a silent peer", _lifetime(nat)],
    ]


def _yes(known: bool | None) -> str:
    return "not known" if known is None else ("yes" if known else "no")


def _lifetime(nat: NatReport) -> str:
    if not nat.forgets:
        return "never"
    return "not known" if nat.lifetime_s is None else f"not within {nat.lifetime_s:g} s"
