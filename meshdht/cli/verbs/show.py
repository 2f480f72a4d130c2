"""``status``, ``peers``, ``devices``, ``version``: what the daemon knows, as text or JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from meshdht import __version__
from meshdht.api.client import Client
from meshdht.api.device_messages import Device, Devices
from meshdht.api.messages import Peer, Status
from meshdht.api.name_messages import NamesStatus
from meshdht.api.text import (
    age_text,
    copy_text,
    handshake_text,
    held_out_text,
    ipv4_first,
    link_text,
    moment_text,
    names_text,
    relay_text,
    router_text,
    rtt_text,
    size_text,
    stream_text,
)
from meshdht.cli.answers import Peers, Release
from meshdht.cli.output import (
    Column,
    coloured,
    filled,
    note,
    printable,
    say,
    say_json,
    style,
    table,
)
from meshdht.cli.settings import Settings, common_options, json_option, settings_of

NOBODY = "no other device is here yet; meshdht invite makes a link for one"
_PATH_STYLES = {"direct": ("green",), "lan": ("green",), "relay": ("yellow",)}


@click.command()
@json_option
@common_options()
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """This network: one line a peer.

    Each line has the address, the name, the path (direct, lan, relay), the time since the last
    handshake, the round-trip time, the bytes received and sent, and which release the peer runs
    where that is not this device's. Exits 1 when the network is not up.

    \b
    Example: meshdht status
    """
    show_status(settings_of(context), as_json=as_json)


def show_status(settings: Settings, *, as_json: bool = False) -> None:
    with Client(settings.chosen_socket()) as daemon:
        snapshot = daemon.status()
    if as_json:
        say_json(snapshot)
        return
    on = coloured(sys.stdout)
    warnings = [
        *relayed_lines(snapshot, on=on),
        *engine_lines(snapshot, on=on),
        *clock_lines(snapshot, on=on),
        *copy_lines(snapshot, on=on),
        *held_out_lines(snapshot, on=on),
        *names_lines(snapshot.names, on=on),
    ]
    for line in [*status_lines(snapshot, on=on), *warnings]:
        say(line)
    if not snapshot.peers:
        note(NOBODY)


def status_lines(snapshot: Status, *, on: bool) -> list[str]:
    """The snapshot as text, in colour if ``on``."""
    online = sum(peer.online for peer in snapshot.peers)
    facts = (
        f"{online} of {len(snapshot.peers)} peers online" if snapshot.peers else "no peers yet",
        engine_text(snapshot),
        f"UDP port {snapshot.listen_port}",
        *map(router_text, snapshot.router_ports),
        *([relay_text(snapshot.relay)] if snapshot.relay.offered else []),
        *([stream_text(snapshot.stream)] if snapshot.stream else []),
        names_text(snapshot.names),
        f"up {age_text(snapshot.uptime_s)}",
    )
    said = " · ".join(fact for fact in facts if fact)
    head = style(snapshot.network, "bold", on=on) + style(f" · {said}", "dim", on=on)
    own = [ipv4_first(snapshot.device.addresses), snapshot.device.name, "this device"]
    peers = by_name(snapshot.peers)
    rows = [[*own, *[""] * 5], *(_status_row(peer, snapshot.daemon) for peer in peers)]
    columns = [
        Column(styles=("cyan",)),
        Column(styles=("bold",)),
        Column(style_of=path_styles),
        Column(styles=("dim",)),
        Column(right=True),
        Column(styles=("dim",)),
        Column(styles=("dim",)),
        Column(styles=("yellow",)),
    ]
    return [head, *table(columns, rows, titles=False, on=on)]


def engine_text(snapshot: Status) -> str:
    """The engine; where it is not the kernel's, also why, and what would make it faster."""
    about = [] if snapshot.engine == "kernel" else [snapshot.engine_reason]
    if snapshot.engine_lacks:
        about.append(f"without {', '.join(snapshot.engine_lacks)}")
    said = "; ".join(each for each in about if each)
    return f"{snapshot.engine} engine ({said})" if said else f"{snapshot.engine} engine"


def engine_lines(snapshot: Status, *, on: bool) -> list[str]:
    """Two lines while the engine carries nothing."""
    if not snapshot.engine_trouble:
        return []
    todo = "the log says more; if it stays so, meshdht down and meshdht up start it anew"
    what = style(f"⚠ {snapshot.engine_trouble}", "yellow", on=on)
    return [what, style(f"  {todo}", "dim", on=on)]


def relayed_lines(snapshot: Status, *, on: bool) -> list[str]:
    """A line for each peer that is relayed: why."""
    return [
        style(printable(f"{peer.name} is relayed: {peer.path.why}"), "dim", on=on)
        for peer in by_name(snapshot.peers)
        if peer.path.kind == "relay" and peer.path.why
    ]


def clock_lines(snapshot: Status, *, on: bool) -> list[str]:
    """Two lines for each clock that is wrong: what is the matter, and what to do."""
    lines = []
    for warning in snapshot.clocks:
        lines.append(style(f"⚠ {warning.message}", "yellow", on=on))
        lines.append(style(f"  {warning.hint}", "dim", on=on))
    return lines


def copy_lines(snapshot: Status, *, on: bool) -> list[str]:
    """Two lines where another machine has this device's keys."""
    if snapshot.copy_heard is None:
        return []
    what, todo = copy_text(snapshot.device.name, snapshot.copy_heard)
    return [style(f"⚠ {what}", "yellow", on=on), style(f"  {todo}", "dim", on=on)]


def held_out_lines(snapshot: Status, *, on: bool) -> list[str]:
    """Two lines where devices go by a revocation of this one that counts for nothing here."""
    if not snapshot.held_out_by:
        return []
    what, todo = held_out_text(snapshot.device.name, snapshot.held_out_by)
    return [style(f"⚠ {what}", "yellow", on=on), style(f"  {todo}", "dim", on=on)]


def names_lines(names: NamesStatus, *, on: bool) -> list[str]:
    """Why names do not resolve, and what to do."""
    if names.means != "none":
        return []
    host, _, port = names.server.rpartition(":")
    if not host:
        todo = "dns = false in config.toml keeps meshdht from trying"
    elif port == "53":
        todo = (
            "install systemd-resolved or resolvconf; if no program writes it, put this first in"
            f" /etc/resolv.conf: nameserver {host}"
        )
    else:
        todo = f"have this machine's DNS server ask {host} port {port} about {names.zone}"
    why = f": {names.trouble}" if names.trouble else f", nothing asks {names.server}"
    what = printable(f"names in {names.zone} do not resolve on this machine{why}")
    return [style(what, "dim", on=on), style(f"  {todo}", "dim", on=on)]


def _status_row(peer: Peer, own_release: str) -> list[str]:
    """The release that a peer runs is told where it is another one than this device's."""
    return [
        ipv4_first(peer.addresses),
        peer.name,
        link_text(peer),
        handshake_text(peer.handshake_age_s),
        rtt_text(peer.rtt_ms),
        f"↓ {size_text(peer.rx_bytes)}",
        f"↑ {size_text(peer.tx_bytes)}",
        f"runs {peer.release}" if peer.release not in ("", own_release) else "",
    ]


def path_styles(path: str) -> tuple[str, ...]:
    """A direct path is green, a relayed one yellow, none dim; the words say it too."""
    return _PATH_STYLES.get(path.partition(" ")[0], ("dim",))


def by_name(peers: tuple[Peer, ...]) -> list[Peer]:
    return sorted(peers, key=lambda peer: peer.name)


@click.command()
@json_option
@common_options()
@click.pass_context
def peers(context: click.Context, as_json: bool) -> None:
    """The other devices and how they are reached, in full.

    \b
    Example: meshdht peers --json
    """
    with Client(settings_of(context).chosen_socket()) as daemon:
        snapshot = daemon.status()
    if as_json:
        say_json(Peers(network=snapshot.network, peers=snapshot.peers))
        return
    if not snapshot.peers:
        note(NOBODY)
        return
    columns: dict[Column, Callable[[Peer], str]] = {
        Column("NAME", styles=("bold",)): lambda each: each.name,
        Column("ADDRESSES", styles=("cyan",)): lambda each: " ".join(each.addresses),
        Column("PATH", style_of=path_styles): link_text,
        Column("HANDSHAKE", right=True): lambda each: age_text(each.handshake_age_s),
        Column("ROUND TRIP", right=True): lambda each: rtt_text(each.rtt_ms),
        Column("RECEIVED", right=True): lambda each: size_text(each.rx_bytes),
        Column("SENT", right=True): lambda each: size_text(each.tx_bytes),
        Column("VERSION"): lambda each: each.release,
        Column("ID", styles=("dim",)): lambda each: each.id,
    }
    for line in filled(columns, by_name(snapshot.peers), on=coloured(sys.stdout)):
        say(line)


@click.command()
@json_option
@common_options()
@click.pass_context
def devices(context: click.Context, as_json: bool) -> None:
    """Every device that belongs to the network, this one included.

    \b
    Example: meshdht devices
    """
    with Client(settings_of(context).chosen_socket()) as daemon:
        roster = daemon.devices()
    if as_json:
        say_json(roster)
        return
    for line in device_lines(roster, on=coloured(sys.stdout)):
        say(line)


def device_lines(roster: Devices, *, on: bool) -> list[str]:
    """The roster as text, in colour if ``on``."""
    columns: dict[Column, Callable[[Device], str]] = {
        Column("NAME", styles=("bold",)): lambda each: each.name,
        Column("ADDRESSES", styles=("cyan",)): lambda each: " ".join(each.addresses),
        Column("ROLE"): lambda each: "admin" if each.admin else "member",
        Column("STATE"): _state,
        Column("TAGS"): lambda each: " ".join(each.tags),
        Column("EXPIRES"): _end,
        Column("JOINED"): lambda each: moment_text(each.joined),
        Column("VERSION"): lambda each: each.release,
        Column("ID", styles=("dim",)): lambda each: each.id,
    }
    return filled(columns, sorted(roster.devices, key=lambda each: each.name), on=on)


def _state(device: Device) -> str:
    return "this device" if device.this_device else "online" if device.online else "offline"


def _end(device: Device) -> str:
    ends = [moment_text(device.expires)] if device.expires is not None else []
    if device.ephemeral_s:
        ends.append(f"{age_text(device.ephemeral_s)} offline")
    return ", or ".join(ends)


@click.command()
@json_option
@common_options()
def version(as_json: bool) -> None:
    """The release of this program, and of the Python that runs it.

    \b
    Example: meshdht version
    """
    python = ".".join(map(str, sys.version_info[:3]))
    if as_json:
        say_json(Release(meshdht=__version__, python=python))
    else:
        say(f"meshdht {__version__} (Python {python})")
