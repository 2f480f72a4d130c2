"""``revoke``: a stolen or sold device is out, for ever."""

from __future__ import annotations

import click
from msgspec.structs import replace

from meshdht.api.client import Client
from meshdht.api.removal_messages import Revoke
from meshdht.cli import completing
from meshdht.cli.confirm import confirm, yes_option
from meshdht.cli.output import say, say_json
from meshdht.cli.settings import common_options, json_option, settings_of
from meshdht.cli.spreading import follow, no_wait_option, say_spread


@click.command()
@click.argument("device", shell_complete=completing.peers)
@yes_option
@no_wait_option
@json_option
@common_options()
@click.pass_context
def revoke(context: click.Context, device: str, yes: bool, no_wait: bool, as_json: bool) -> None:
    """Put a device, or an anchor, out of the network for ever; on an admin's device.

    DEVICE is a name, an id or a mesh address. Every connected device drops it at once, and the
    network goes over to a new secret; those that are off follow when they come back. It returns
    only as a new device, by a new invite. The invite that it came by, and those that it wrote,
    work no more.

    It then counts who knows until all connected devices do, for 30 seconds at most; Ctrl-C ends
    the count, not the revocation.

    \b
    Example: meshdht revoke phone
    """
    socket = settings_of(context).chosen_socket()
    confirm(f"revoking {device!r}", f"put {device} out of the network, for ever?", yes=yes)
    with Client(socket) as daemon:
        gone = daemon.revoke(Revoke(device=device))
        if not as_json:
            say(f"{gone.name} is out; the network has secret number {gone.generation} now")
        spread = follow(daemon, gone.spread, wait=not no_wait)
    if as_json:
        say_json(replace(gone, spread=spread))
    else:
        say_spread(spread)
