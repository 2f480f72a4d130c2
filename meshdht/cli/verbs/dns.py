"""``dns add|remove|list``: names of the network beside those of its devices."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import cast

import click

from meshdht.api.client import Client
from meshdht.api.name_messages import (
    AddName,
    ChangedName,
    NameChange,
    NameEntry,
    NameKind,
    Names,
    RemoveName,
)
from meshdht.api.text import moment_text
from meshdht.cli.group import VerbGroup
from meshdht.cli.output import Column, coloured, filled, say, say_json
from meshdht.cli.settings import common_options, json_option, settings_of
from meshdht.cli.values import peer_name

_KINDS = ("A", "AAAA", "CNAME")


@click.group(cls=VerbGroup)
@common_options()
def dns() -> None:
    """Give names to what is no device, or a device another name; list all names.

    They resolve on every device, as wiki.home.internal and, where short names do, as wiki. Devices
    have their own names without this.

    \b
    Example: meshdht dns add wiki 100.107.3.9
    """


@dns.command("add")
@click.argument("name", type=peer_name)
@click.argument("value", nargs=-1, required=True, metavar="[A|AAAA|CNAME] VALUE")
@json_option
@common_options()
@click.pass_context
def add(context: click.Context, name: str, value: tuple[str, ...], as_json: bool) -> None:
    """Have NAME stand for an address, or for another name of the network; on an admin's device.

    It may have several addresses, one each time. What is not a device's can be in the mesh or
    elsewhere, as long as the devices reach it.

    \b
    Example: meshdht dns add blog CNAME nas
    """
    *kinds, target = value
    if len(kinds) > 1 or any(each.upper() not in _KINDS for each in kinds):
        raise click.BadParameter(
            f"'{' '.join(value)}' is not a value, nor A, AAAA or CNAME and a value"
        )
    kind = cast(NameKind, kinds[0].upper()) if kinds else None
    changed = _change(context, AddName(name=name, value=target, kind=kind), as_json=as_json)
    if changed is not None:
        leads = ", ".join(each.value for each in changed.entries)
        already = "" if changed.changed else " already"
        say(f"{changed.name}.{changed.zone} stands for {leads}{already}")


@dns.command("remove")
@click.argument("name", type=peer_name)
@click.argument("value", type=peer_name, required=False)
@json_option
@common_options()
@click.pass_context
def remove(context: click.Context, name: str, value: str | None, as_json: bool) -> None:
    """Take NAME away, or only one VALUE of it; on an admin's device.

    \b
    Example: meshdht dns remove wiki
    """
    changed = _change(context, RemoveName(name=name, value=value), as_json=as_json)
    if changed is None:
        return
    full = f"{changed.name}.{changed.zone}"
    leads = ", ".join(each.value for each in changed.entries)
    say(f"{full} stands for {leads}" if leads else f"{full} is gone")


@dns.command("list")
@json_option
@common_options()
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """All names of the network: of devices, and those that admins added.

    \b
    Example: meshdht dns list
    """
    with Client(settings_of(context).chosen_socket()) as daemon:
        names = daemon.names()
    if as_json:
        say_json(names)
        return
    for line in name_lines(names, on=coloured(sys.stdout)):
        say(line)


def name_lines(names: Names, *, on: bool) -> list[str]:
    """A line for each record, in colour if ``on``."""
    columns: dict[Column, Callable[[NameEntry], str]] = {
        Column("NAME", styles=("bold",)): lambda each: f"{each.name}.{names.zone}",
        Column("TYPE"): lambda each: each.kind,
        Column("VALUE", styles=("cyan",)): lambda each: each.value,
        Column("OF", styles=("dim",)): lambda each: "device" if each.device else "",
        Column("ADDED BY", styles=("dim",)): lambda each: each.by,
        Column("SINCE", styles=("dim",)): lambda each: (
            moment_text(each.since) if each.since is not None else ""
        ),
    }
    return filled(columns, names.names, on=on)


def _change(context: click.Context, request: NameChange, *, as_json: bool) -> ChangedName | None:
    """Ask for a change, and print it as JSON; None if that is all to be printed."""
    with Client(settings_of(context).chosen_socket()) as daemon:
        changed = daemon.change_name(request)
    if as_json:
        say_json(changed)
        return None
    return changed
