"""Desired peers minus actual peers: the operations that lead from one to the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from meshdht.crypto.keys import WireGuardPublicKey
from meshdht.engine.backend import (
    AddPeer,
    Operation,
    PeerConfig,
    PeerStats,
    RemovePeer,
    SetEndpoint,
    UpdatePeer,
)
from meshdht.wireguard.constants import SPECIFICATION

# A session carries traffic for REJECT_AFTER_TIME (paper, section 6.1), so a younger handshake
# proves that the endpoint in use works now; an older one proves nothing any more.
HANDSHAKE_RECENT_S = SPECIFICATION.reject_after_time


def reconcile(
    desired: Iterable[PeerConfig],
    actual: Mapping[WireGuardPublicKey, PeerConfig],
    stats: Mapping[WireGuardPublicKey, PeerStats],
    unix: float,
) -> list[Operation]:
    """Operations in an order in which each can be carried out; ``unix`` is Unix seconds now.

    Removals come first, because an allowed IP belongs to one peer only. Nothing overwrites an
    endpoint that a recent handshake proved, unless the path agent decided it.
    """
    wanted = {config.public_key: config for config in desired}
    operations: list[Operation] = [RemovePeer(key) for key in sorted(actual) if key not in wanted]
    for key in sorted(wanted):
        config = wanted[key]
        present = actual.get(key)
        if present is None:
            operations.append(AddPeer(config))
            continue
        if _without_endpoint(config) != _without_endpoint(present):
            operations.append(UpdatePeer(config))
        if config.endpoint is not None and _may_move(config, stats.get(key), unix):
            operations.append(SetEndpoint(key, config.endpoint))
    return operations


def _without_endpoint(config: PeerConfig) -> PeerConfig:
    return replace(config, endpoint=None, endpoint_decided=False)


def _may_move(config: PeerConfig, stats: PeerStats | None, unix: float) -> bool:
    if stats is None or stats.endpoint is None:
        return True
    if stats.endpoint == config.endpoint:
        return False
    if config.endpoint_decided or stats.handshake_unix is None:
        return True
    return unix - stats.handshake_unix >= HANDSHAKE_RECENT_S
