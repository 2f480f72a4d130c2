"""``device rename|tag|expire``: what an admin says of a device; and its own ``replace-keys``."""

from __future__ import annotations

import time
from pathlib import Path

import click

from meshdht.api.client import Client
from meshdht.api.device_messages import (
    ChangedDevice,
    DeviceChange,
    ExpireDevice,
    RenameDevice,
    TagDevice,
)
from meshdht.api.errors import ApiError
from meshdht.api.text import moment_text
from meshdht.cli import completing
from meshdht.cli.confirm import confirm, yes_option
from meshdht.cli.group import VerbGroup
from meshdht.cli.output import say, say_json
from meshdht.cli.progress import Progress
from meshdht.cli.settings import common_options, json_option, settings_of
from meshdht.cli.values import duration_or_never, label, peer_name, tag

RESTART_TIMEOUT_S = 30.0
_POLL_S = 0.1


@click.group(cls=VerbGroup)
@common_options()
def device() -> None:
    """Name a device, tag it, or let it expire; on an admin's device. Replace this one's keys.

    DEVICE is a name, an id or a mesh address. `meshdht devices` shows what was said.

    \b
    Example: meshdht device tag nas server
    """


@device.command("rename")
@click.argument("device", type=peer_name, shell_complete=completing.devices)
@click.argument("name", type=label)
@json_option
@common_options()
@click.pass_context
def rename(context: click.Context, device: str, name: str, as_json: bool) -> None:
    """Call a device NAME. On an admin's device, or on the device itself.

    \b
    Example: meshdht device rename laptop-2 work-laptop
    """
    changed = change(context, RenameDevice(device=device, name=name), as_json=as_json)
    if changed is not None:
        say(f"{device} is {changed.device.name} {'now' if changed.changed else 'already'}")


@device.command("tag")
@click.argument("device", type=peer_name, shell_complete=completing.devices)
@click.argument("tags", type=tag, nargs=-1, metavar="[TAG]...")
@json_option
@common_options()
@click.pass_context
def tag_(context: click.Context, device: str, tags: tuple[str, ...], as_json: bool) -> None:
    """Give a device these tags and no others. Without any it has none.

    \b
    Example: meshdht device tag nas server home
    """
    changed = change(context, TagDevice(device=device, tags=tags), as_json=as_json)
    if changed is not None:
        has = f"is tagged {', '.join(changed.device.tags)}" if tags else "has no tags"
        say(f"{changed.device.name} {has}")


@device.command("expire")
@click.argument("device", type=peer_name, shell_complete=completing.devices)
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


@device.command("replace-keys")
@yes_option
@json_option
@common_options()
@click.pass_context
def replace_keys(context: click.Context, yes: bool, as_json: bool) -> None:
    """Replace this device's own keys by new ones.

    For when somebody else may have them. It keeps its name, addresses, tags and admin right; its
    id becomes another. The daemon starts again by the new keys, within a second or two, and the
    old ones are worth nothing.

    \b
    Example: meshdht device replace-keys
    """
    settings = settings_of(context)
    network = settings.chosen()
    question = f"replace the keys of this device in network {network}, for ever?"
    confirm(f"replacing the keys of this device in network {network!r}", question, yes=yes)
    with Client(settings.socket(network)) as daemon:
        replaced = daemon.replace_keys()
    with Progress("starting again by the new keys"):
        _wait_until_back(settings.socket(network), replaced.id)
    if as_json:
        say_json(replaced)
    else:
        say(f"{replaced.name} has new keys; its id is {replaced.id} now")


def _wait_until_back(socket: Path, device: str) -> None:
    """Return once the daemon serves as the device of this id; raises ApiError if it does not."""
    deadline = time.monotonic() + RESTART_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            with Client(socket) as daemon:
                if daemon.status().device.id == device:
                    return
        except ApiError:
            pass  # it is between its two lives
        time.sleep(_POLL_S)
    raise ApiError(
        f"the keys are replaced, but the daemon has not come back within {RESTART_TIMEOUT_S:.0f} s",
        "see its log; meshdht up starts it by the new keys",
    )


def change(context: click.Context, request: DeviceChange, *, as_json: bool) -> ChangedDevice | None:
    """Ask for a change, and print it as JSON; None if that is all to be printed."""
    with Client(settings_of(context).chosen_socket()) as daemon:
        changed = daemon.change(request)
    if as_json:
        say_json(changed)
        return None
    return changed
