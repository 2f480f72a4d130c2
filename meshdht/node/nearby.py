"""What a device says on its LAN, and whom it believes there. Knows no socket.

The key is another in each epoch, so that a key which leaks opens the beacons of a few hours. A
beacon is dated, and one that was heard before is heard no second time: a neighbour that records
and repeats it from an address of its own gains one probe there, which it cannot answer.
"""

from __future__ import annotations

from collections import Counter, OrderedDict

from meshdht.clock import Clock, Entropy
from meshdht.crypto.boxes import NONCE_SIZE
from meshdht.crypto.keys import BeaconKey, DeviceId
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed, OpenFailed
from meshdht.limits import BEACON_CLOCK_TOLERANCE_S, BEACONS_REMEMBERED
from meshdht.node.identity import Identity
from meshdht.records.locator import epoch_at
from meshdht.wire.beacon import Beacon, open_beacon, seal_beacon


class Nearby:
    """``port`` is where this device answers."""

    def __init__(self, identity: Identity, port: int, clock: Clock, entropy: Entropy) -> None:
        self._identity = identity
        self._port = port
        self._clock = clock
        self._entropy = entropy
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self.dropped: Counter[str] = Counter()
        """Datagrams to the beacon's port that told nothing, by reason."""

    def beacon(self) -> bytes:
        """A fresh beacon of this device."""
        unix = self._clock.unix()
        beacon = Beacon(self._identity.device, self._port, int(unix * 1000))
        nonce = self._entropy.token(NONCE_SIZE)
        return seal_beacon(beacon, self._keys(unix)[0], nonce)

    def heard(self, datagram: bytes, host: str) -> tuple[DeviceId, Endpoint] | None:
        """The device that spoke and where it answers; None for whatever is not to be believed."""
        try:
            beacon = self._open(datagram)
        except OpenFailed:
            self.dropped["not ours"] += 1
            return None
        except Malformed:
            self.dropped["malformed"] += 1
            return None
        if beacon.device == self._identity.device:
            return None
        if abs(beacon.sent_at_ms / 1000 - self._clock.unix()) > BEACON_CLOCK_TOLERANCE_S:
            self.dropped["clock"] += 1
            return None
        if not self._is_first(datagram[:NONCE_SIZE]):
            self.dropped["replayed"] += 1
            return None
        return beacon.device, Endpoint(host, beacon.port)

    def _open(self, datagram: bytes) -> Beacon:
        for key in self._keys(self._clock.unix()):
            try:
                return open_beacon(datagram, key)
            except OpenFailed:
                continue
        raise OpenFailed("of no epoch of ours")

    def _keys(self, unix: float) -> list[BeaconKey]:
        """Of this epoch, and of its neighbours: clocks differ."""
        secret = self._identity.generation.secret
        epoch = epoch_at(secret.epoch_key, unix)
        return [secret.beacon_key(each) for each in (epoch, epoch - 1, epoch + 1)]

    def _is_first(self, nonce: bytes) -> bool:
        if nonce in self._seen:
            return False
        self._seen[nonce] = None
        if len(self._seen) > BEACONS_REMEMBERED:
            self._seen.popitem(last=False)
        return True
