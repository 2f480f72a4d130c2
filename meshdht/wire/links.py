"""What members tell each other of their links, when asked: boxed as wire/nat.py boxes.

    plaintext = message id (8) ‖ content, padded with zeros to 64 bytes
    content   = LINKS_REQUEST: nothing
                LINKS_REPLY: u8 n ≤ 45 ‖ n × link
    link      = device (20) ‖ u8 kind ‖ u16 round trip ‖ u8 loss

Kinds: 1 LAN, 2 direct, 3 by a relay. The round trip is in tenths of a millisecond, 65534 or more
as that; 65535: not known. The loss is in 254ths of the last probes of the path; 255: not known.
``n`` = 255: the asker's address had not echoed a token, and is to ask again.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from meshdht.crypto.keys import DeviceId
from meshdht.errors import Malformed
from meshdht.limits import LINKS_TOLD
from meshdht.wire.buffer import Reader, Writer

AGAIN = b"\xff"
"""The content of a LINKS_REPLY to an address that is not validated."""
_UNKNOWN_RTT, _UNKNOWN_LOSS = 65535, 255
_TENTHS_PER_S = 10_000


class LinkKind(enum.IntEnum):
    """How the one who tells reaches the other."""

    LAN = 1
    DIRECT = 2
    RELAY = 3


@dataclass(frozen=True, slots=True)
class Link:
    """A path to ``device``: its round trip in seconds, the share of its probes that were lost."""

    device: DeviceId
    kind: LinkKind
    rtt_s: float | None = None
    loss: float | None = None


def encode_links(links: Sequence[Link]) -> bytes:
    """The content of a LINKS_REPLY; of more than LINKS_TOLD links the first."""
    told = links[:LINKS_TOLD]
    writer = Writer().u8(len(told))
    for link in told:
        rtt, loss = _UNKNOWN_RTT, _UNKNOWN_LOSS
        if link.rtt_s is not None:
            rtt = min(max(round(link.rtt_s * _TENTHS_PER_S), 0), _UNKNOWN_RTT - 1)
        if link.loss is not None:
            loss = round(min(max(link.loss, 0.0), 1.0) * (_UNKNOWN_LOSS - 1))
        writer.raw(link.device.raw).u8(link.kind).u16(rtt).u8(loss)
    return writer.bytes()


def decode_links(reader: Reader) -> list[Link] | None:
    """What a LINKS_REPLY tells; None: ask again. Raises Malformed."""
    number = reader.u8()
    if number == AGAIN[0]:
        return None
    if number > LINKS_TOLD:
        raise Malformed(f"{number} links in one reply")
    return [_link(reader) for _ in range(number)]


def _link(reader: Reader) -> Link:
    device, code = DeviceId(reader.take(DeviceId.SIZE)), reader.u8()
    try:
        kind = LinkKind(code)
    except ValueError:
        raise Malformed(f"no kind of link has the code {code}") from None
    rtt, loss = reader.u16(), reader.u8()
    return Link(
        device,
        kind,
        None if rtt == _UNKNOWN_RTT else rtt / _TENTHS_PER_S,
        None if loss == _UNKNOWN_LOSS else loss / (_UNKNOWN_LOSS - 1),
    )
