"""What a made-up daemon says of its DHT and its history."""

from __future__ import annotations

from meshdht.api.dht_messages import DhtBucket, DhtContact, DhtReport, DhtSearch, DhtValue
from meshdht.api.history_messages import Happening, History
from meshdht.api.link_messages import Link, Links

LINKS = Links(
    network="home",
    links=(
        Link(
            ends=("nas", "laptop"),
            ids=("n" * 32, "l" * 32),
            kind="direct",
            rtt_ms=7.25,
            told_by=("nas",),
            own=True,
        ),
        Link(
            ends=("nas", "phone"),
            ids=("n" * 32, "p" * 32),
            kind="relay",
            rtt_ms=84.0,
            told_by=("nas",),
            own=True,
        ),
        Link(
            ends=("laptop", "phone"),
            ids=("l" * 32, "p" * 32),
            kind="direct",
            rtt_ms=31.0,
            loss=0.125,
            told_by=("laptop",),
        ),
    ),
    silent=("phone",),
)
DHT = DhtReport(
    network="home",
    id="n" * 32,
    k=20,
    nodes=4,
    buckets=(
        DhtBucket(prefix="0", contacts=2, replacements=1, places=20, refreshed_s=3600.0),
        DhtBucket(prefix="1", contacts=2, replacements=0, places=20, own=True),
    ),
    contacts=(
        DhtContact(
            id="l" * 32,
            name="laptop",
            kind="device",
            endpoint="192.0.2.7:51820",
            shared_bits=3,
            seen_s=12.0,
            rtt_ms=7.25,
        ),
        DhtContact(
            id="v" * 32,
            name="vps",
            kind="anchor",
            endpoint="203.0.113.9:41820",
            shared_bits=1,
            seen_s=95.0,
            rtt_ms=21.0,
            failures=1,
        ),
        DhtContact(
            id="a" * 32, name="attic", kind="device", endpoint="198.51.100.4:41820", shared_bits=0
        ),
    ),
    searches=(
        DhtSearch(
            kind="value",
            key="5f3a91c04e2b",
            about="attic",
            ago_s=40.0,
            took_ms=18.4,
            asked=3,
            answered=3,
            found=True,
        ),
        DhtSearch(
            kind="publish",
            key="00c0ffee0000",
            about="nas",
            ago_s=900.0,
            took_ms=41.0,
            asked=6,
            answered=3,
            found=True,
        ),
        DhtSearch(
            kind="nodes",
            key="11d0e5aa0001",
            about="",
            ago_s=7200.0,
            took_ms=1203.0,
            asked=9,
            answered=0,
            found=False,
        ),
    ),
    held=3,
    held_bytes=2961,
    values=(
        DhtValue(key="00c0ffee0000", about="nas", source="own", bytes=987, expires_s=86000.0),
        DhtValue(
            key="5f3a91c04e2b", about="attic", source="192.0.2.0/24", bytes=987, expires_s=50000.0
        ),
        DhtValue(key="77aa01b2c3d4", about="", source="read", bytes=987, expires_s=30.0),
    ),
)
HISTORY = History(
    network="home",
    happenings=(
        Happening(
            sequence=1, when=1_790_007_000.0, kind="daemon", about="", text="the daemon started"
        ),
        Happening(
            sequence=2,
            when=1_790_007_002.5,
            kind="path",
            about="laptop",
            text="direct by 192.0.2.7:51820",
        ),
        Happening(
            sequence=3,
            when=1_790_007_060.0,
            kind="path",
            about="phone",
            text="by relay vps: both are behind symmetric NATs",
        ),
        Happening(
            sequence=4, when=1_790_007_300.0, kind="path", about="attic", text="lost: it is off"
        ),
        Happening(
            sequence=5, when=1_790_007_400.0, kind="member", about="shed", text="is a member now"
        ),
    ),
)
