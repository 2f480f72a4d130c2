"""Where a device's record is found: a DHT key per device and epoch.

    offset  = u64(derive(epoch key, "epoch offset", size=8)) mod 21600
    epoch   = (unix seconds + offset) div 21600
    locator = digest("locator", blinded public key of (device, epoch), size=20)

Per device, never per network: a rendezvous that all share would be the device graph itself.
"""

from __future__ import annotations

from functools import lru_cache

from meshdht.crypto.blinding import BlindedPublicKey, blind_public
from meshdht.crypto.derive import derive, digest
from meshdht.crypto.keys import EpochKey, LocatorKey, VerifyKey
from meshdht.limits import LOCATORS_REMEMBERED

EPOCH_SECONDS = 6 * 3600
LOCATOR_SIZE = 20

# The last fifth of an epoch: records are published to the next one too, so that readers whose
# clock is ahead, and those that come just after the change, find them.
OVERLAP_SECONDS = EPOCH_SECONDS // 5


def _offset(epoch_key: EpochKey) -> int:
    return int.from_bytes(derive(epoch_key.raw, "epoch offset", size=8), "big") % EPOCH_SECONDS


def epoch_at(epoch_key: EpochKey, unix: float) -> int:
    """The epoch of a moment in Unix seconds; networks do not rotate together."""
    return (int(unix) + _offset(epoch_key)) // EPOCH_SECONDS


def epoch_start(epoch_key: EpochKey, epoch: int) -> int:
    """The Unix second in which an epoch begins."""
    return epoch * EPOCH_SECONDS - _offset(epoch_key)


def publish_epochs(epoch_key: EpochKey, unix: float) -> tuple[int, ...]:
    """The epochs that a device publishes to now: the current, in its last fifth the next too."""
    epoch = epoch_at(epoch_key, unix)
    if epoch_start(epoch_key, epoch + 1) - int(unix) <= OVERLAP_SECONDS:
        return (epoch, epoch + 1)
    return (epoch,)


def read_epochs(epoch_key: EpochKey, unix: float) -> tuple[int, int, int]:
    """The epochs in which a reader looks, the likeliest first: current, last, next."""
    epoch = epoch_at(epoch_key, unix)
    return (epoch, epoch - 1, epoch + 1)


def locator(blinded: BlindedPublicKey) -> bytes:
    """The 20-byte DHT key of a blinded public key: a holder can check that they belong together."""
    return digest("locator", blinded.raw, size=LOCATOR_SIZE)


# Every record that is told by gossip asks for the locator of its device and epoch again, and it
# takes a multiplication on the curve.
@lru_cache(LOCATORS_REMEMBERED)
def device_locator(locator_key: LocatorKey, epoch: int, device: VerifyKey) -> bytes:
    """The locator of a device in an epoch; every member can name it.

    Raises BadSignature if the device's key is no usable Ed25519 key.
    """
    return locator(blind_public(locator_key, epoch, device))
