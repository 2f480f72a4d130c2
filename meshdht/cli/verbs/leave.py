"""``leave``: this device goes, by its own word."""

from __future__ import annotations

import click

from meshdht.api.client import Client
from meshdht.api.errors import as_root
from meshdht.cli.confirm import confirm, yes_option
from meshdht.cli.output import note, say, say_json
from meshdht.cli.settings import common_options, json_option, settings_of


@click.command()
@yes_option
@json_option
@common_options()
@click.pass_context
def leave(context: click.Context, yes: bool, as_json: bool) -> None:
    """Take this device out of the network for ever, and stop its daemon.

    Another device has to be online, to hear of it; the admins then see to a new network secret. It
    returns only as a new device, by a new invite. The last admin of a network with other devices
    cannot leave: `meshdht admin add DEVICE` makes another one.

    \b
    Example: meshdht leave
    """
    settings = settings_of(context)
    network = settings.chosen()
    question = f"take this device out of network {network}, for ever?"
    confirm(f"leaving network {network!r}", question, yes=yes)
    with Client(settings.socket(network)) as daemon:
        left = daemon.leave()
    if as_json:
        say_json(left)
        return
    if left.told:
        say(f"{left.name} has left {left.network}; its daemon is down")
    else:
        say(f"{left.network} has no other device; its daemon is down")
    forget = as_root(f"meshdht forget --network {network}")
    note(f"keys and log remain in {left.directory}; remove them: {forget}")
