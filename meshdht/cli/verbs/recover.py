"""``recover``: this device becomes an admin by the network's recovery key."""

from __future__ import annotations

import click

from meshdht.api.client import Client
from meshdht.api.device_messages import Recover
from meshdht.cli.output import note, say, say_json
from meshdht.cli.secrets import ask_unseen, read_file
from meshdht.cli.settings import common_options, json_option, settings_of


@click.command()
@click.option("--key-file", metavar="FILE", help="Read the recovery key from FILE; - is stdin.")
@json_option
@common_options()
@click.pass_context
def recover(context: click.Context, key_file: str | None, as_json: bool) -> None:
    """Make this device an admin, by the recovery key that meshdht init printed.

    For when the only admin is lost, or an admin was stolen: this device is then senior to all
    others, so that none of them can undo what it revokes. Without --key-file it asks for the key,
    which is not shown while it is typed.

    \b
    Example: meshdht recover && meshdht revoke nas
    """
    socket = settings_of(context).chosen_socket()
    if key_file is not None:
        key = read_file(key_file, "the recovery key")
    else:
        key = ask_unseen("Recovery key", "--key-file FILE")
    with Client(socket) as daemon:
        changed = daemon.recover(Recover(key=key.strip()[:256]))
    if as_json:
        say_json(changed)
        return
    say(f"{changed.device.name} is an admin now, senior to all others")
    note("next: meshdht revoke DEVICE for what was lost or stolen")
