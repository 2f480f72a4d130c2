"""What every engine offers, and the operations that change it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

from meshdht.crypto.keys import PresharedKey, WireGuardPublicKey
from meshdht.endpoint import Endpoint

IPNetwork = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class PeerConfig:
    """How a peer is to be."""

    public_key: WireGuardPublicKey
    preshared_key: PresharedKey | None = None
    last_preshared_key: PresharedKey | None = None
    """Taken in a peer's response too, while it may not have gone over to the other yet."""
    allowed_ips: tuple[IPNetwork, ...] = ()
    """Addresses that are routed to the peer, and that it may send from."""
    endpoint: Endpoint | None = None
    """Where to begin. What WireGuard learns by itself (roaming) has precedence, see below."""
    keepalive_s: int = 0
    """Persistent keepalive in seconds; 0 is none."""
    endpoint_decided: bool = False
    """The path agent chose the endpoint: it replaces one that a recent handshake proved too."""


@dataclass(frozen=True, slots=True)
class PeerStats:
    """How a peer is."""

    endpoint: Endpoint | None
    handshake_unix: float | None
    """Unix seconds of the last completed handshake."""
    rx_bytes: int
    tx_bytes: int


@dataclass(frozen=True, slots=True)
class AddPeer:
    """A peer that was not there."""

    config: PeerConfig


@dataclass(frozen=True, slots=True)
class UpdatePeer:
    """Another pre-shared key, keepalive or other allowed IPs; the session and endpoint stay."""

    config: PeerConfig


@dataclass(frozen=True, slots=True)
class RemovePeer:
    """Forget a peer and its keys at once."""

    public_key: WireGuardPublicKey


@dataclass(frozen=True, slots=True)
class SetEndpoint:
    """Send to another endpoint from now on, until the peer roams."""

    public_key: WireGuardPublicKey
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Initiate:
    """Begin a handshake now, unless there is a session: the peer may still use one that a restart
    of ours has lost, and would notice only after KEEPALIVE + REKEY_TIMEOUT of silence."""

    public_key: WireGuardPublicKey


Operation = AddPeer | UpdatePeer | RemovePeer | SetEndpoint | Initiate


class Backend(Protocol):
    """One engine with one tunnel interface. All but ``start`` need a started engine."""

    @property
    def name(self) -> str:
        """``embedded`` or ``kernel``."""

    @property
    def features(self) -> tuple[str, ...]:
        """What the kernel does to make it faster, in a user's words."""

    @property
    def lacks(self) -> tuple[str, ...]:
        """What another kernel would do as well."""

    @property
    def trouble(self) -> str:
        """Why it carries no traffic now, or empty."""

    async def start(self) -> None:
        """Begin to carry traffic; raises PlatformError."""

    async def apply(self, operations: Iterable[Operation]) -> None:
        """Carry out operations in order. A peer that cannot be set up is left out and counted."""

    async def peers(self) -> dict[WireGuardPublicKey, PeerConfig]:
        """What was applied, for ``reconcile``."""

    async def stats(self) -> dict[WireGuardPublicKey, PeerStats]:
        """How every peer is."""

    async def close(self) -> None:
        """Stop; nothing of the engine is left on the machine."""
