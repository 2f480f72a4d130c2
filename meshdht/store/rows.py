"""What the store keeps, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from meshdht.crypto.derive import digest
from meshdht.crypto.keys import NetworkId, NetworkSecret, SigningKey, WireGuardPrivateKey
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.wire.buffer import Reader, Writer

_CONTEXT = "stored identity"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this device is, in which network."""

    network_name: str
    network_id: NetworkId
    signing_key: SigningKey
    wireguard_key: WireGuardPrivateKey

    def encode(self) -> bytes:
        """text name ‖ network id 32 ‖ signing seed 32 ‖ WireGuard key 32 ‖ digest 32 of all that.

        The digest, because one flipped bit in a seed would be another device.
        """
        fields = (
            Writer()
            .text(self.network_name)
            .raw(self.network_id.raw)
            .raw(self.signing_key.raw)
            .raw(self.wireguard_key.raw)
            .bytes()
        )
        return fields + digest(_CONTEXT, fields)

    @classmethod
    def decode(cls, data: bytes) -> Identity:
        """Raises Malformed."""
        fields, checksum = data[:-32], data[-32:]
        if digest(_CONTEXT, fields) != checksum:
            raise Malformed("its checksum does not match")
        reader = Reader(fields)
        identity = cls(
            network_name=reader.text(),
            network_id=NetworkId(reader.take(32)),
            signing_key=SigningKey(reader.take(32)),
            wireguard_key=WireGuardPrivateKey(reader.take(32)),
        )
        reader.done()
        return identity


class GenerationUse(Enum):
    """What a network secret is good for."""

    CURRENT = "current"
    WAITING = "waiting"
    """Drawn here or handed over, not borne out by the log yet."""
    OVER = "over"


class GenerationRow(NamedTuple):
    """A network secret."""

    number: int
    secret: NetworkSecret
    since: float
    """Unix seconds: when it came, or when its use ended."""
    use: GenerationUse


class StatementRow(NamedTuple):
    """A statement of the membership log."""

    hash: bytes
    raw: bytes
    mark: bytes | None
    """Says that this device verified it (see ``LogKey``); None if nothing does."""


class ValueRow(NamedTuple):
    """A value held for the DHT."""

    key: bytes
    value: bytes
    sequence: int
    expires: float
    """Unix seconds."""
    source: str
    """Address prefix it came from."""


class ContactRow(NamedTuple):
    """A DHT contact."""

    node_id: bytes
    endpoint: Endpoint
    last_seen: float
    """Unix seconds."""


class PeerRow(NamedTuple):
    """Where a peer was reached last."""

    endpoint: Endpoint
    last_seen: float
    """Unix seconds."""
