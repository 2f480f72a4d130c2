"""The LAN beacon: a device says to its own network alone that it is here.

    datagram  = nonce (24) ‖ XChaCha20-Poly1305(beacon key, nonce, plaintext) ‖ tag (16)

    plaintext, always 40 bytes
    0   u8    version (1)
    1   20    device id
    21  u16   UDP port where it answers
    23  u64   sent at, Unix milliseconds
    31  9     zeros

Sent to the multicast groups below, port 41821, with a TTL of 1. The group addresses are those
that RFC 4727 sets aside for experiments; both stay on the link. To whoever does not hold the
network secret, every beacon is 80 bytes of noise, another each time.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshdht.crypto.boxes import NONCE_SIZE, open_sealed, seal
from meshdht.crypto.keys import BeaconKey, DeviceId
from meshdht.errors import Malformed
from meshdht.wire.buffer import Reader, Writer

BEACON_PORT = 41821
BEACON_GROUP_IPV4 = "224.0.0.254"
BEACON_GROUP_IPV6 = "ff02::114"
BEACON_SIZE = 80
_VERSION = 1
_PADDING = bytes(9)


@dataclass(frozen=True, slots=True)
class Beacon:
    """One sighting, as the device itself says it."""

    device: DeviceId
    port: int
    sent_at_ms: int


def seal_beacon(beacon: Beacon, key: BeaconKey, nonce: bytes) -> bytes:
    """The datagram; the nonce must be fresh."""
    plaintext = (
        Writer()
        .u8(_VERSION)
        .raw(beacon.device.raw)
        .u16(beacon.port)
        .u64(beacon.sent_at_ms)
        .raw(_PADDING)
        .bytes()
    )
    return nonce + seal(key, nonce, plaintext)


def open_beacon(datagram: bytes, key: BeaconKey) -> Beacon:
    """Raises OpenFailed for what is not of this network and epoch, Malformed for a member's."""
    if len(datagram) != BEACON_SIZE:
        raise Malformed("not the size of a beacon")
    reader = Reader(open_sealed(key, datagram[:NONCE_SIZE], datagram[NONCE_SIZE:]))
    if (version := reader.u8()) != _VERSION:
        raise Malformed(f"beacon version {version}")
    beacon = Beacon(DeviceId(reader.take(DeviceId.SIZE)), reader.u16(), reader.u64())
    if reader.take(len(_PADDING)) != _PADDING:
        raise Malformed("padding that is not zero")
    if not beacon.port:
        raise Malformed("a beacon without a port")
    return beacon
