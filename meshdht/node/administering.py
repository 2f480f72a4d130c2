"""How this device says something of a device, an invite or itself, by a statement in the log."""

from __future__ import annotations

from meshdht.crypto.keys import DeviceId, RecoveryKey, SigningKey, WireGuardPrivateKey
from meshdht.errors import StateError
from meshdht.membership.administration import AdministrationBody, LeaveBody
from meshdht.membership.invites import write_act, write_succession
from meshdht.membership.recovery import write_recovery
from meshdht.membership.roster import Device
from meshdht.membership.statements import Statement
from meshdht.node.node import Node


async def act(node: Node, body: AdministrationBody) -> None:
    """Write a statement, and tell it to the connected devices; returns once it is on disk.

    Whether this device has the right to it is the caller's to know: without, it has no effect.
    Raises StateError if this device is no member, or the disk refuses.
    """
    await node.write_down(_statement(node, body))


async def recover(node: Node, key: RecoveryKey) -> None:
    """Make this device an admin, senior to all, by the network's recovery key; tell the others.

    Raises UsageError for another network's key, StateError as ``act``.
    """
    unix_ms = int(node.time.unix() * 1000)
    await node.write_down(write_recovery(node.holdings.log, _own(node), key, unix_ms=unix_ms))


async def replace_keys(node: Node) -> DeviceId:
    """Have this device go on by fresh keys, as what it is; the id that it has then.

    On disk are both or neither, and the connected devices are told: ``node`` is of the old keys,
    and of no use any more. Raises StateError, and nothing has happened, if it is no member, or
    the disk refuses.
    """
    own, identity = _own(node), node.identity
    heir = identity.heir(
        SigningKey.generate(node.entropy), WireGuardPrivateKey.generate(node.entropy)
    )
    statement = write_succession(
        node.holdings.log,
        own,
        identity.signing,
        successor=heir.signing,
        wireguard_key=heir.wireguard.public,
        unix_ms=int(node.time.unix() * 1000),
    )
    await node.hand_on(heir, statement)
    return heir.device


async def leave(node: Node) -> bool:
    """Take this device out of the network: once another one knows, and it is on disk here.

    False, and nothing is said, if there is no other one. It stays a member where this raises
    UsageError, being the only admin of others, or StateError, as none of them hears of it; it is
    out where that is raised since the disk refuses.
    """
    if len(node.roster) == 1:
        return False
    node.roster.refuse_without(_own(node))
    await node.hand_over(_statement(node, LeaveBody()))
    return True


def _own(node: Node) -> Device:
    if node.own is None:
        raise StateError("this device is not a member of the network", "join again with a new link")
    return node.own


def _statement(node: Node, body: AdministrationBody) -> Statement:
    return write_act(
        node.holdings.log,
        _own(node),
        node.identity.signing,
        body,
        unix_ms=int(node.time.unix() * 1000),
    )
