"""What a device tells its owner."""

from __future__ import annotations

from dataclasses import dataclass

from meshdht.crypto.keys import WireGuardPublicKey
from meshdht.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class HandshakeCompleted:
    """Both sides have the keys of a new session."""

    peer: WireGuardPublicKey
    endpoint: Endpoint
    """Where the peer's last authenticated packet came from."""
    unix: float


@dataclass(frozen=True, slots=True)
class EndpointRoamed:
    """An authenticated packet came from another endpoint, which is used from now on."""

    peer: WireGuardPublicKey
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class HandshakeFailed:
    """No response within REKEY_ATTEMPT_TIME; the staged packets were dropped."""

    peer: WireGuardPublicKey


@dataclass(frozen=True, slots=True)
class HandshakeWanted:
    """There is something to send to the peer, or it has fallen silent: said once a handshake try,
    whether there is an endpoint to send the initiation to or not."""

    peer: WireGuardPublicKey


DeviceEvent = HandshakeCompleted | EndpointRoamed | HandshakeWanted | HandshakeFailed
