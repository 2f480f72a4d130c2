"""``admin add|remove|list``: who may invite, revoke, and make others admin."""

from __future__ import annotations

import sys

import click
from msgspec.structs import replace

from meshdht.api.client import Client
from meshdht.api.device_messages import GrantAdmin, RemoveAdmin
from meshdht.cli import completing
from meshdht.cli.confirm import confirm, yes_option
from meshdht.cli.group import VerbGroup
from meshdht.cli.output import coloured, say, say_json
from meshdht.cli.settings import common_options, json_option, settings_of
from meshdht.cli.values import peer_name
from meshdht.cli.verbs.device import change
from meshdht.cli.verbs.show import device_lines


@click.group(cls=VerbGroup)
@common_options()
def admin() -> None:
    """Make a device an admin, or one no more; list those who are.

    An admin may invite and revoke, name and tag devices, and make others admin. Two are better
    than one: when the only admin is lost, the recovery key alone makes another (meshdht recover).

    \b
    Example: meshdht admin add laptop
    """


@admin.command("add")
@click.argument("device", type=peer_name, shell_complete=completing.devices)
@json_option
@common_options()
@click.pass_context
def add(context: click.Context, device: str, as_json: bool) -> None:
    """Make a device an admin; on an admin's device.

    \b
    Example: meshdht admin add laptop
    """
    changed = change(context, GrantAdmin(device=device), as_json=as_json)
    if changed is not None:
        say(f"{changed.device.name} is an admin{' now' if changed.changed else ' already'}")


@admin.command("remove")
@click.argument("device", type=peer_name, shell_complete=completing.devices)
@yes_option
@json_option
@common_options()
@click.pass_context
def remove(context: click.Context, device: str, yes: bool, as_json: bool) -> None:
    """Take admin from a device; on an admin's device.

    It stays a member. What it did as an admin stands; what it does as one before it hears of
    this does not.

    \b
    Example: meshdht admin remove laptop
    """
    confirm(f"taking admin from {device!r}", f"shall {device} be an admin no more?", yes=yes)
    changed = change(context, RemoveAdmin(device=device), as_json=as_json)
    if changed is not None:
        say(f"{changed.device.name} is no admin{' any more' if changed.changed else ''}")


@admin.command("list")
@json_option
@common_options()
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """The devices that are admins.

    \b
    Example: meshdht admin list
    """
    with Client(settings_of(context).chosen_socket()) as daemon:
        roster = daemon.devices()
    admins = replace(roster, devices=tuple(each for each in roster.devices if each.admin))
    if as_json:
        say_json(admins)
        return
    for line in device_lines(admins, on=coloured(sys.stdout)):
        say(line)
