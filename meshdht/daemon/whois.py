"""Which device a name, an address or a key belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address

from meshdht.api.device_messages import Device as DeviceLine
from meshdht.api.whois_messages import FoundBy, Match
from meshdht.daemon.finding import Finder, names_meant
from meshdht.errors import UsageError
from meshdht.membership.roster import Device
from meshdht.node.node import Node


def who_is(
    text: str, node: Node, finder: Finder, line: Callable[[Device], DeviceLine]
) -> tuple[Match, ...]:
    """The devices that a text may mean; raises UsageError where there is none."""
    own = finder.own()
    asked = text.strip()
    found: list[tuple[Device, FoundBy]] = [
        (device, by) for device in node.roster for by in _marks(asked, device, node)
    ]
    if not found and (named := finder.find(asked)) is not None:
        found = [(named, _by(asked))]
    if not found:
        raise UsageError(
            f"nothing in network {finder.network!r} is {text!r}",
            names_meant(asked, [device.name for device in node.roster]),
        )
    return tuple(
        Match(
            device=line(device),
            by=by,
            key=device.verify_key.raw.hex(),
            wireguard_key=str(device.wireguard_key),
            endpoint=None if device.id == own.id else _endpoint(node, device),
        )
        for device, by in sorted(found, key=lambda pair: pair[0].name)
    )


def _by(found: str) -> FoundBy:
    """What it is that a device was found by: a full name has no other form."""
    try:
        ip_address(found)
    except ValueError:
        return "name"
    return "address"


def _marks(asked: str, device: Device, node: Node) -> Iterator[FoundBy]:
    """What of a device a text is, at most one thing."""
    endpoint = _endpoint(node, device)
    if asked.lower() == device.name:
        yield "name"
    elif asked == str(device.id):
        yield "id"
    elif asked in (str(device.wireguard_key), device.verify_key.raw.hex()):
        yield "key"
    elif endpoint is not None and asked in (endpoint, _host(endpoint)):
        yield "endpoint"


def _endpoint(node: Node, device: Device) -> str | None:
    endpoint = node.path(device.id).endpoint
    return None if endpoint is None else str(endpoint)


def _host(endpoint: str) -> str:
    return endpoint.rpartition(":")[0].strip("[]")
