"""``device rename|tag|expire``: what an admin says of a device."""

from __future__ import annotations

import click

from meshdht.api.client import Client
from meshdht.api.device_messages import (
    ChangedDevice,
    DeviceChange,
    ExpireDevice,
    RenameDevice,
    TagDevice,
)
from meshdht.api.text import moment_text
from meshdht.cli.group import VerbGroup
from meshdht.cli.output import say, say_json
from meshdht.cli.settings import common_options, json_option, settings_of
from meshdht.cli.values import duration_or_never, label, peer_name, tag


@click.group(cls=VerbGroup)
@common_options()
def device() -> None:
    """Name a device, tag it, or let it expire; on an admin's device.

    DEVICE is a name, an id or a mesh address. `meshdht devices` shows what was said.

    \b
    Example: meshdht device tag nas server
    """


@device.command("rename")
@click.argument("device", type=peer_name)
@click.argument("name", type=label)
@json_option
@common_options()
@click.pass_context
def rename(context: click.Context, device: str, name: str, as_json: bool) -> None:
    """Call a device NAME; on an admin's device, or on the device itself.

    \b
    Example: meshdht device rename laptop-2 work-laptop
    """
    changed = change(context, RenameDevice(device=device, name=name), as_json=as_json)
    if changed is not None:
        say(f"{device} is {changed.device.name} {'now' if changed.changed else 'already'}")


@device.command("tag")
@click.argument("device", type=peer_name)
@click.argument("tags", type=tag, nargs=-1, metavar="[TAG]...")
@json_option
@common_options()
@click.pass_context
def tag_(context: click.Context, device: str, tags: tuple[str, ...], as_json: bool) -> None:
    """Give a device these tags, and no others; without any it has none.

    \b
    Example: meshdht device tag nas server home
    """
    changed = change(context, TagDevice(device=device, tags=tags), as_json=as_json)
    if changed is not None:
        has = f"is tagged {', '.join(changed.device.tags)}" if tags else "has no tags"
        say(f"{changed.device.name} {has}")


@device.command("expire")
@click.argument("device", type=peer_name)
@click.argument("after_s", type=duration_or_never, metavar="DURATION|never")
@json_option
@common_options()
@click.pass_context
def expire(context: click.Context, device: str, after_s: int | None, as_json: bool) -> None:
    """Have a device put out after a while, or never.

    DURATION counts from now: 90s, 15m, 1h, 7d, 2w. Until then `never` takes it back.

    \b
    Example: meshdht device expire guest-phone 7d
    """
    changed = change(context, ExpireDevice(device=device, after_s=after_s), as_json=as_json)
    if changed is None:
        return
    if changed.device.expires is None:
        say(f"{changed.device.name} stays until it is revoked")
    else:
        say(f"{changed.device.name} expires {moment_text(changed.device.expires)}")


def change(context: click.Context, request: DeviceChange, *, as_json: bool) -> ChangedDevice | None:
    """Ask for a change, and print it as JSON; None if that is all to be printed."""
    with Client(settings_of(context).chosen_socket()) as daemon:
        changed = daemon.change(request)
    if as_json:
        say_json(changed)
        return None
    return changed
