"""The DHT of a running node, as the local API tells it."""

from __future__ import annotations

from meshdht.api.dht_messages import (
    CONTACTS_MAX,
    VALUES_MAX,
    DhtBucket,
    DhtContact,
    DhtReport,
    DhtSearch,
    DhtValue,
)
from meshdht.crypto.keys import DeviceId
from meshdht.dht.picture import BucketView, ContactView, Search
from meshdht.dht.storage import SavedValue
from meshdht.dht.table import ID_BITS
from meshdht.errors import RemoteError
from meshdht.limits import FULL_MESH_DEVICES
from meshdht.node.node import Node
from meshdht.records.locator import device_locator, read_epochs

# So much of a key tells it from the others.
_KEY_BYTES = 6


def dht_report(network: str, node: Node) -> DhtReport:
    """What there is to see."""
    seen = node.dht_picture()
    names = _names(node)
    unix = node.time.unix()
    values = sorted(seen.values, key=lambda each: each.expires, reverse=True)
    return DhtReport(
        network=network,
        id=str(node.identity.device),
        k=seen.k,
        nodes=seen.network_size,
        buckets=tuple(_bucket(each, seen.now) for each in seen.buckets),
        contacts=tuple(_contact(each, node, seen.now) for each in seen.contacts[:CONTACTS_MAX]),
        searches=tuple(_search(each, names, seen.now) for each in seen.searches),
        held=len(values),
        held_bytes=sum(len(each.value) for each in values),
        values=tuple(_value(each, names, unix) for each in values[:VALUES_MAX]),
    )


def _names(node: Node) -> dict[bytes, str]:
    """Whose record lies under which key, in the epochs where one may be. In a large network nobody
    computes them all: a key there has no name."""
    if len(node.roster) > FULL_MESH_DEVICES:
        return {}
    secret = node.identity.generation.secret
    names: dict[bytes, str] = {}
    for device in node.roster:
        for epoch in read_epochs(secret.epoch_key, node.time.unix()):
            try:
                names[device_locator(secret.locator_key, epoch, device.verify_key)] = device.name
            except RemoteError:
                continue
    return names


def _bucket(one: BucketView, now: float) -> DhtBucket:
    return DhtBucket(
        prefix=format(one.low, f"0{ID_BITS}b")[: one.bits],
        contacts=one.contacts,
        replacements=one.replacements,
        places=one.places,
        own=one.is_own,
        refreshed_s=None if one.refreshed is None else round(now - one.refreshed, 1),
    )


def _contact(one: ContactView, node: Node, now: float) -> DhtContact:
    device = DeviceId(one.node_id)
    return DhtContact(
        id=str(device),
        name=node.roster.name_of(device),
        kind="anchor" if node.roster.anchor(device) is not None else "device",
        endpoint=str(one.endpoint),
        shared_bits=one.shared_bits,
        seen_s=None if one.seen is None else round(now - one.seen, 1),
        rtt_ms=None if one.rtt_s is None else round(one.rtt_s * 1000, 2),
        failures=one.failures,
    )


def _search(one: Search, names: dict[bytes, str], now: float) -> DhtSearch:
    return DhtSearch(
        kind=one.kind.value,
        key=one.key[:_KEY_BYTES].hex(),
        about=names.get(one.key, ""),
        ago_s=round(max(0.0, now - one.began - one.took_s), 1),
        took_ms=round(one.took_s * 1000, 1),
        asked=one.asked,
        answered=one.answered,
        found=one.found,
    )


def _value(one: SavedValue, names: dict[bytes, str], unix: float) -> DhtValue:
    return DhtValue(
        key=one.key[:_KEY_BYTES].hex(),
        about=names.get(one.key, ""),
        source=one.source,
        bytes=len(one.value),
        expires_s=round(max(0.0, one.expires - unix)),
    )
