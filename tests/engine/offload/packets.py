"""IP packets for the tests of offloading, built and read byte by byte."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from meshdht.engine.offload.headers import ACK, TCP, UDP

HOP_BY_HOP, ROUTING, DESTINATION = 0, 43, 60


def word_sum(data: bytes) -> int:
    """RFC 1071, word by word."""
    total = 0
    for at in range(0, len(data), 2):
        total += data[at] << 8 | (data[at + 1] if at + 1 < len(data) else 0)
        total = (total & 0xFFFF) + (total >> 16)
    return total


def internet_checksum(data: bytes) -> int:
    return 0xFFFF - word_sum(data)


@dataclass(frozen=True)
class Packet:
    """A TCP segment or a UDP datagram; ``raw`` is it with right checksums."""

    version: int = 4
    protocol: int = TCP
    payload: bytes = b""
    source: bytes = b"\x0a\x00\x00\x01"
    target: bytes = b"\x0a\x00\x00\x02"
    ports: tuple[int, int] = (40000, 5201)
    traffic_class: int = 0
    hops: int = 64
    flow_label: int = 0
    identification: int = 0
    fragment: int = 0x4000
    ip_options: bytes = b""
    extensions: tuple[tuple[int, bytes], ...] = ()
    """Kind and whole header of each; the first byte of a header, which names the next, is set."""
    sequence: int = 0
    acknowledged: int = 1
    flags: int = ACK
    window: int = 500
    urgent: int = 0
    tcp_options: bytes = b""

    @property
    def transport(self) -> int:
        if self.version == 4:
            return 20 + len(self.ip_options)
        return 40 + sum(len(header) for _, header in self.extensions)

    @property
    def header_size(self) -> int:
        return self.transport + (20 + len(self.tcp_options) if self.protocol == TCP else 8)

    @property
    def checksum_offset(self) -> int:
        return 16 if self.protocol == TCP else 6

    def pseudo_header(self, size: int) -> bytes:
        return self._addresses() + struct.pack("!IHH", size, 0, self.protocol)

    @property
    def raw(self) -> bytes:
        transport = self._transport_header()
        at = self.checksum_offset
        value = internet_checksum(self.pseudo_header(len(transport)) + transport)
        if self.protocol == UDP and value == 0:
            value = 0xFFFF
        return self._ip_header(len(transport)) + _with_u16(transport, at, value)

    @property
    def partial(self) -> bytes:
        """The packet as a kernel leaves it to hardware: the sum of the pseudo header alone."""
        transport = self._transport_header()
        value = word_sum(self.pseudo_header(len(transport)))
        header = self._ip_header(len(transport))
        return header + _with_u16(transport, self.checksum_offset, value)

    def _addresses(self) -> bytes:
        if self.version == 4:
            return self.source + self.target
        return self.source * 4 + self.target * 4

    def _transport_header(self) -> bytes:
        ports = struct.pack("!HH", *self.ports)
        if self.protocol == UDP:
            return ports + struct.pack("!HH", 8 + len(self.payload), 0) + self.payload
        assert len(self.tcp_options) % 4 == 0
        words = 5 + len(self.tcp_options) // 4
        rest = (self.sequence, self.acknowledged, words << 4, self.flags, self.window, 0)
        head = ports + struct.pack("!IIBBHHH", *rest, self.urgent)
        return head + self.tcp_options + self.payload

    def _ip_header(self, size: int) -> bytes:
        if self.version == 4:
            words = 5 + len(self.ip_options) // 4
            head = struct.pack(
                "!BBHHHBBH",
                0x40 | words,
                self.traffic_class,
                words * 4 + size,
                self.identification,
                self.fragment,
                self.hops,
                self.protocol,
                0,
            )
            head += self.source + self.target + self.ip_options
            return _with_u16(head, 10, internet_checksum(head))
        extensions, following = b"", self.protocol
        for kind, header in reversed(self.extensions):
            extensions = bytes([following]) + header[1:] + extensions
            following = kind
        first = 6 << 28 | self.traffic_class << 20 | self.flow_label
        head = struct.pack("!IHBB", first, len(extensions) + size, following, self.hops)
        return head + self._addresses() + extensions


def segments(packet: Packet, size: int) -> list[bytes]:
    """The plain way to cut a packet: each segment built anew from its fields."""
    pieces = [packet.payload[at : at + size] for at in range(0, len(packet.payload), size)]
    pieces = pieces or [b""]
    return [_segment(packet, size, i, piece, len(pieces)) for i, piece in enumerate(pieces)]


def _segment(packet: Packet, size: int, number: int, piece: bytes, count: int) -> bytes:
    flags = packet.flags
    if number:
        flags &= ~0x80  # CWR
    if number < count - 1:
        flags &= ~0x09  # PSH and FIN
    return replace(
        packet,
        payload=piece,
        identification=(packet.identification + number) & 0xFFFF,
        sequence=(packet.sequence + number * size) & 0xFFFFFFFF,
        flags=flags,
    ).raw


def _with_u16(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + struct.pack("!H", value) + data[at + 2 :]
