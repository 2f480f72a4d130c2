"""Packets of every shape that segmentation and coalescing meet."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st

from meshdht.engine.offload import virtio
from meshdht.engine.offload.headers import ACK, CWR, ECE, FIN, PSH, TCP, UDP
from tests.engine.offload.packets import DESTINATION, HOP_BY_HOP, ROUTING, Packet

PAYLOAD_MAX = 3000

# How long an example takes says something of the machine alone.
untimed = settings(deadline=None)


def payloads(min_size: int = 0, max_size: int = PAYLOAD_MAX) -> st.SearchStrategy[bytes]:
    """Bytes of any length, of which few are drawn: a long payload repeats a short one."""
    return st.builds(
        lambda size, seed: (seed * (size // len(seed) + 1))[:size],
        st.integers(min_size, max_size),
        st.binary(min_size=1, max_size=17),
    )


def four_byte_options(max_words: int = 10) -> st.SearchStrategy[bytes]:
    return st.integers(0, max_words).flatmap(
        lambda words: st.binary(min_size=words * 4, max_size=words * 4)
    )


def _extension(kind: int, words: int) -> tuple[int, bytes]:
    """An extension header of padding; a routing header has no way to go."""
    return kind, bytes([0, words, 0, 0]) + bytes(range(4 + words * 8))


extensions = st.lists(
    st.builds(_extension, st.sampled_from([HOP_BY_HOP, ROUTING, DESTINATION]), st.integers(0, 2)),
    max_size=3,
).map(tuple)

u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)

# What all packets of one flow have in common, and where the flow is.
flows = st.builds(
    Packet,
    version=st.sampled_from([4, 6]),
    protocol=st.sampled_from([TCP, UDP]),
    source=st.binary(min_size=4, max_size=4),
    target=st.binary(min_size=4, max_size=4),
    ports=st.tuples(u16, u16),
    traffic_class=st.integers(0, 255),
    hops=st.integers(1, 255),
    flow_label=st.integers(0, 0xFFFFF),
    identification=u16,
    fragment=st.sampled_from([0, 0x4000]),
    sequence=u32,
    acknowledged=u32,
    flags=st.sampled_from([ACK, ACK | ECE]),
    window=u16,
    tcp_options=four_byte_options(),
)


def _widened(flow: Packet, payload: bytes, flags: int, more: Packet) -> Packet:
    return replace(
        flow,
        payload=payload,
        flags=flags,
        ip_options=more.ip_options if flow.version == 4 else b"",
        extensions=more.extensions if flow.version == 6 else (),
    )


# Large packets as a TUN hands them over, of every shape.
large_packets = st.builds(
    _widened,
    flows,
    payloads(),
    st.sets(st.sampled_from([ACK, PSH, FIN, CWR, ECE])).map(sum),
    st.builds(Packet, ip_options=four_byte_options(), extensions=extensions),
)


def header_of(packet: Packet, gso_size: int) -> virtio.Header:
    """The virtio header with which a kernel hands over ``packet.partial``."""
    kind = virtio.GSO_UDP_L4
    if packet.protocol == TCP:
        kind = virtio.GSO_TCPV4 if packet.version == 4 else virtio.GSO_TCPV6
        kind |= virtio.GSO_ECN if packet.flags & CWR else 0
    # Of a forwarded packet hdr_len is anything.
    hdr_len = packet.sequence & 0xFFFF
    return virtio.Header(
        virtio.NEEDS_CSUM, kind, hdr_len, gso_size, packet.transport, packet.checksum_offset
    )


def whole_header_of(packet: Packet) -> virtio.Header:
    """The same where there is nothing to cut, and the checksum alone is left open."""
    where = packet.transport, packet.checksum_offset
    return virtio.Header(virtio.NEEDS_CSUM, virtio.GSO_NONE, 0, 0, *where)
