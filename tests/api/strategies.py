"""Messages as hypothesis makes them."""

from __future__ import annotations

from hypothesis import strategies as st

from meshdht.api.messages import Peer, PeerPath, Status, ThisDevice

texts = st.text(max_size=20)
counts = st.integers(0, 2**53)
addresses = st.lists(texts, max_size=3).map(tuple)
ages = st.none() | st.floats(0, 1e7, allow_nan=False)

paths = st.builds(
    PeerPath,
    kind=st.sampled_from(["direct", "lan", "relay", "none"]),
    endpoint=st.none() | texts,
    relay=st.none() | texts,
    mtu=st.none() | counts,
)
peers = st.builds(
    Peer,
    name=texts,
    id=st.sampled_from("abcdef"),
    addresses=addresses,
    online=st.booleans(),
    path=paths,
    handshake_age_s=ages,
    rtt_ms=ages,
    rx_bytes=counts,
    tx_bytes=counts,
)
statuses = st.builds(
    Status,
    network=st.just("home") | texts,
    engine=st.sampled_from(["embedded", "kernel"]),
    device=st.builds(ThisDevice, name=texts, id=texts, addresses=addresses),
    peers=st.lists(peers, max_size=6, unique_by=lambda peer: peer.id).map(tuple),
    daemon=st.just("0.1.0"),
    uptime_s=st.floats(0, 1e7, allow_nan=False),
    listen_port=st.integers(0, 65535),
    dropped=st.dictionaries(texts, counts, max_size=3),
)
