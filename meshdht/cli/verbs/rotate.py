"""``rotate``: a new network secret."""

from __future__ import annotations

import click
from msgspec.structs import replace

from meshdht.api.client import Client
from meshdht.cli.output import say, say_json
from meshdht.cli.settings import common_options, json_option, settings_of
from meshdht.cli.spreading import follow, no_wait_option, say_spread


@click.command()
@no_wait_option
@json_option
@common_options()
@click.pass_context
def rotate(context: click.Context, no_wait: bool, as_json: bool) -> None:
    """Begin a new generation of the network secret; on an admin's device.

    Whoever got hold of the old one, a backup say, reads nothing from here on. Devices go over to
    the new one without a pause of their connections; those that are off follow when they come
    back. Links that were handed out go on to work. A revocation does this by itself.

    It then counts who knows until all connected devices do, for 30 seconds at most; Ctrl-C ends
    the count, nothing else.

    \b
    Example: meshdht rotate
    """
    with Client(settings_of(context).chosen_socket()) as daemon:
        began = daemon.rotate()
        if not as_json:
            say(f"the network has secret number {began.generation} now")
        spread = follow(daemon, began.spread, wait=not no_wait)
    if as_json:
        say_json(replace(began, spread=spread))
    else:
        say_spread(spread)
