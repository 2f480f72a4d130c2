"""The network's names, and what admins add to them, as the local API has them."""

from __future__ import annotations

from collections.abc import Iterator

from meshdht.api.name_messages import AddName, ChangedName, NameChange, NameEntry, Names
from meshdht.errors import UsageError
from meshdht.limits import EXTRA_NAMES_MAX, NAME_TARGETS_MAX
from meshdht.membership.administration import NameBody
from meshdht.membership.extra_names import ExtraName, Target, parse_target
from meshdht.membership.names import DOMAIN, validate_label
from meshdht.membership.roster import Roster
from meshdht.names.zone import domain_of
from meshdht.node.administering import act
from meshdht.node.node import Node


def all_names(roster: Roster, network: str) -> Names:
    """Those of the devices and those that admins added, in the order of the alphabet."""
    entries = [
        NameEntry(name=device.name, kind=Target(each).kind, value=str(each), device=True)
        for device in roster
        for each in (device.ipv4, device.ipv6)
        if each is not None
    ]
    for extra in roster.extra_names:
        entries += _entries(roster, extra)
    entries.sort(key=lambda each: each.name)
    return Names(network=network, zone=domain_of(roster), names=tuple(entries))


async def change_name(node: Node, network: str, request: NameChange) -> ChangedName:
    """Have a name stand for something more, or for less; this device is an admin's. Raises
    UsageError, and StateError where the disk refuses."""
    roster = node.roster
    name = validate_label(_label(request.name, roster), "name")
    before = _targets(roster, name)
    if isinstance(request, AddName):
        _refuse_taken(roster, name)
        targets = _with(roster, name, before, request)
    else:
        targets = _without(roster, name, before, request.value)
    if targets != before:
        await act(node, NameBody(name, targets))
    roster = node.roster
    extra = roster.extra_name(name)
    return ChangedName(
        network=network,
        zone=domain_of(roster),
        name=name,
        entries=tuple(_entries(roster, extra)) if extra is not None else (),
        changed=targets != before,
    )


def _targets(roster: Roster, name: str) -> tuple[Target, ...]:
    extra = roster.extra_name(name)
    return extra.targets if extra is not None else ()


def _entries(roster: Roster, extra: ExtraName) -> Iterator[NameEntry]:
    for target in extra.targets:
        beyond = f".{domain_of(roster)}" if target.kind == "CNAME" else ""
        yield NameEntry(
            name=extra.name,
            kind=target.kind,
            value=f"{target.value}{beyond}",
            by=roster.name_of(extra.by),
            since=extra.written_at,
        )


def _label(text: str, roster: Roster) -> str:
    """``wiki`` of ``wiki``, ``wiki.home`` and ``wiki.home.internal``."""
    return (
        text.lower().rstrip(".").removesuffix(f".{DOMAIN}").removesuffix(f".{roster.network_name}")
    )


def _refuse_taken(roster: Roster, name: str) -> None:
    if roster.named(name) is not None:
        raise UsageError(
            f"a device is called {name!r}",
            "choose another name, or rename the device: meshdht device rename",
        )
    if roster.extra_name(name) is None and len(roster.extra_names) >= EXTRA_NAMES_MAX:
        raise UsageError(
            f"the network has {EXTRA_NAMES_MAX} names of its own already",
            "take one away first: meshdht dns remove",
        )


def _with(
    roster: Roster, name: str, before: tuple[Target, ...], request: AddName
) -> tuple[Target, ...]:
    target = parse_target(request.value, roster.network_name, request.kind)
    if target in before:
        return before
    if before and "CNAME" in (target.kind, before[0].kind):
        raise UsageError(
            f"{name} stands for {', '.join(str(each.value) for each in before)} already,"
            " and another name (CNAME) can only stand alone",
            f"meshdht dns remove {name} makes room",
        )
    if len(before) >= NAME_TARGETS_MAX:
        raise UsageError(
            f"{name} has {NAME_TARGETS_MAX} addresses already", f"meshdht dns remove {name} ADDRESS"
        )
    if isinstance(target.value, str):
        _refuse_nowhere(roster, name, target.value)
    return tuple(sorted((*before, target), key=lambda each: each.order))


def _refuse_nowhere(roster: Roster, name: str, label: str) -> None:
    """Raise UsageError if a name stands for none, or by others for itself."""
    at = label
    for _ in range(len(roster.extra_names) + 1):
        if at == name:
            raise UsageError(f"{name} would stand for itself, by {label}", "name a device instead")
        extra = roster.extra_name(at)
        if extra is None:
            break
        at = next((each.value for each in extra.targets if isinstance(each.value, str)), "")
    if roster.named(label) is None and roster.extra_name(label) is None:
        raise UsageError(
            f"there is no name {label!r} in the network", "meshdht dns list shows those there are"
        )


def _without(
    roster: Roster, name: str, before: tuple[Target, ...], value: str | None
) -> tuple[Target, ...]:
    if not before:
        what = "a device's" if roster.named(name) is not None else "no name that an admin added"
        raise UsageError(f"{name!r} is {what}", "meshdht dns list shows those there are")
    if value is None:
        return ()
    gone = parse_target(value, roster.network_name)
    if gone not in before:
        raise UsageError(
            f"{name} does not stand for {value}",
            f"it does for: {', '.join(str(each.value) for each in before)}",
        )
    return tuple(each for each in before if each != gone)
