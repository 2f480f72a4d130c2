"""What the live view asks of a network's daemon about its DHT, and what it is told."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from meshdht.api.version import API_VERSION

# So many of each are told at most: the nearest contacts, the values that are held longest yet.
CONTACTS_MAX = 256
VALUES_MAX = 256

SearchKind = Literal["nodes", "value", "publish"]


class DhtBucket(Struct, frozen=True, kw_only=True):
    """A k-bucket: the ids that begin with ``prefix`` (binary digits). ``contacts`` of ``places``
    are taken, ``replacements`` wait for one; ``own``: this device's id lies in it; ``refreshed_s``
    ago somebody looked into it, None: never."""

    prefix: str
    contacts: int
    replacements: int
    places: int
    own: bool = False
    refreshed_s: float | None = None


class DhtContact(Struct, frozen=True, kw_only=True):
    """A node of the DHT. ``shared_bits``: how much of its id is as this device's; ``seen_s`` ago
    it answered last, None: never; ``failures`` requests in a row it left without an answer."""

    id: str
    name: str
    kind: Literal["device", "anchor"]
    endpoint: str
    shared_bits: int
    seen_s: float | None = None
    rtt_ms: float | None = None
    failures: int = 0


class DhtSearch(Struct, frozen=True, kw_only=True):
    """A look-up that was over ``ago_s`` seconds ago: for ``nodes`` near an id, for the ``value``
    under a key, or to ``publish`` one. ``key`` is the beginning of it, in hex; ``about`` the name
    of the device whose record it is, or empty. It sent ``asked`` requests; of the nearest nodes
    ``answered`` did."""

    kind: SearchKind
    key: str
    about: str
    ago_s: float
    took_ms: float
    asked: int
    answered: int
    found: bool


class DhtValue(Struct, frozen=True, kw_only=True):
    """A value that this device holds. ``about`` is the name of the device whose record it is, empty
    where that cannot be told; ``source`` where it came from: an address prefix, ``own``, or
    ``read`` by this device."""

    key: str
    about: str
    source: str
    bytes: int
    expires_s: float


class DhtReport(Struct, frozen=True, kw_only=True):
    """The DHT as this device has it. ``nodes``: about how many others there are; ``contacts`` are
    the nearest first, ``searches`` the latest first; ``held`` and ``held_bytes`` count all values,
    ``values`` has VALUES_MAX of them at most."""

    version: int = API_VERSION
    network: str
    id: str
    k: int
    nodes: int
    buckets: tuple[DhtBucket, ...]
    contacts: tuple[DhtContact, ...]
    searches: tuple[DhtSearch, ...]
    held: int
    held_bytes: int
    values: tuple[DhtValue, ...]


class GetDht(Struct, frozen=True, tag="dht"):
    """Asks a device of a network for a DhtReport."""


class DhtReply(Struct, frozen=True, tag="dht"):
    """Answers GetDht."""

    report: DhtReport
