"""What may be merged, one packet after the other and one field after the other, as in Linux."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tests.engine.offload.packets import word_sum

TCP, UDP = 6, 17
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))


@dataclass
class Segment:
    """A packet that may be merged, read into its fields."""

    flow: tuple[object, ...]
    """Everything that is equal in all packets of a flow."""
    fixed: bool
    """Whether all may have one identification."""
    identification: int
    sequence: int | None
    ends: bool
    header_size: int
    payload: int


def read(raw: bytes, udp: bool) -> Segment | None:
    """None if the packet is never merged."""
    version = raw[0] >> 4
    if version == 4:
        fragment = struct.unpack_from("!H", raw, 6)[0]
        if raw[0] != 0x45 or fragment & ~0x4000:
            return None
        protocol, at = raw[9], 20
        network: tuple[object, ...] = (4, raw[1], fragment, raw[8], raw[12:20])
        identification, fixed = struct.unpack_from("!H", raw, 4)[0], bool(fragment)
    elif version == 6:
        protocol, at = raw[6], 40
        network = (6, raw[:4], raw[7], raw[8:40])
        identification, fixed = 0, True
    else:
        return None
    if not is_intact(raw, at, protocol):
        return None
    sequence, ends = None, False
    if protocol == TCP and len(raw) >= at + 20:
        header_size = at + (raw[at + 12] >> 4) * 4
        flags = raw[at + 13]
        if raw[at + 12] >> 4 < 5 or flags & (SYN | RST | URG | CWR):
            return None
        ends = bool(flags & (PSH | FIN))
        acknowledged, window_and_urgent = raw[at + 8 : at + 12], raw[at + 14 : at + 16]
        transport: tuple[object, ...] = (
            acknowledged,
            raw[at + 12],
            flags & ~(PSH | FIN),
            window_and_urgent,
            raw[at + 18 : header_size],
        )
        sequence = struct.unpack_from("!I", raw, at + 4)[0]
    elif protocol == UDP and udp and len(raw) >= at + 8:
        header_size, transport = at + 8, ()
        length, field = struct.unpack_from("!HH", raw, at + 4)
        if length != len(raw) - at or field == 0:
            return None
    else:
        return None
    if len(raw) <= header_size:
        return None
    flow = (*network, protocol, raw[at : at + 4], *transport)
    payload = len(raw) - header_size
    return Segment(flow, fixed, identification, sequence, ends, header_size, payload)


def is_intact(raw: bytes, at: int, protocol: int) -> bool:
    addresses = raw[12:20] if at == 20 else raw[8:40]
    pseudo = addresses + struct.pack("!IHH", len(raw) - at, 0, protocol)
    return (at == 40 or word_sum(raw[:20]) == 0xFFFF) and word_sum(pseudo + raw[at:]) == 0xFFFF


class Group:
    """Packets that are one from now on."""

    def __init__(self, first: Segment | None) -> None:
        self.members = [first] if first is not None else []

    def take(self, segment: Segment | None) -> bool:
        """Whether the segment is the next of this group."""
        if segment is None or not self.members or not self._fits(segment):
            return False
        self.members.append(segment)
        return True

    def _fits(self, new: Segment) -> bool:
        first, last = self.members[0], self.members[-1]
        step = (new.identification - last.identification) % 65536
        if len(self.members) > 1:
            steps = {(last.identification - self.members[-2].identification) % 65536}
        else:
            steps = {0, 1} if first.fixed else {1}
        total = first.header_size + sum(each.payload for each in self.members) + new.payload
        if last.sequence is not None:
            follows = new.sequence == (last.sequence + last.payload) % 2**32
        else:
            follows = len(self.members) < 64
        return (
            new.flow == first.flow
            and follows
            and step in steps
            and not last.ends
            and last.payload == first.payload
            and new.payload <= first.payload
            and total <= 65535
        )


def runs(raws: list[bytes], udp: bool) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    group = Group(None)
    for row, raw in enumerate(raws):
        segment = read(raw, udp)
        if found and group.take(segment):
            found[-1] = (found[-1][0], row + 1)
        else:
            group = Group(segment)
            found.append((row, row + 1))
    return found
