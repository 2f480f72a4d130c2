"""Datagrams over a stream, for where UDP is blocked: TLS on TCP to a machine that relays.

    frame    = u16 port ‖ u16 n, not 0 ‖ n bytes: one UDP datagram
    greeting = frame to port 0: nonce (24) ‖ tag (16)
    tag      = XChaCha20-Poly1305(packet key, nonce, "", aad), so nothing but its tag
    aad      = "stream asks", or "stream answers" ‖ the nonce that asked

``port`` is where the datagram goes to, or comes from, at the machine that serves the stream: 0 is
its meshdht port, another that of an allocation. Each side's first frame is its greeting, the
client's first: who shows nothing that was sealed under the packet key is no member, and is served
nothing. Nobody gains by repeating one: by a stream nothing is reached that UDP does not reach.
"""

from __future__ import annotations

from struct import Struct

from meshdht.crypto.boxes import NONCE_SIZE, TAG_SIZE, open_sealed, seal
from meshdht.crypto.keys import PacketKey
from meshdht.errors import Malformed

MAIN_PORT = 0
GREETING_SIZE = NONCE_SIZE + TAG_SIZE
_HEADER = Struct(">HH")
HEADER_SIZE = _HEADER.size
# The first bytes of every client's stream.
GREETING_HEADER = _HEADER.pack(MAIN_PORT, GREETING_SIZE)
_ASKS, _ANSWERS = b"stream asks", b"stream answers"


def frame(port: int, datagram: bytes | memoryview) -> bytes:
    """One datagram of at most 65,535 bytes, framed."""
    return _HEADER.pack(port, len(datagram)) + datagram


def frames_of(port: int, train: memoryview, each: int) -> bytes:
    """Datagrams of ``each`` bytes in a row, the last perhaps shorter, framed."""
    header, size = _HEADER.pack(port, each), len(train)
    whole = size - size % each
    pieces: list[bytes | memoryview] = []
    for start in range(0, whole, each):
        pieces += (header, train[start : start + each])
    if whole < size:
        pieces += (_HEADER.pack(port, size - whole), train[whole:])
    return b"".join(pieces)


class FrameReader:
    """Cuts a stream into frames, however it arrives; keeps less than one frame."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, memoryview]]:
        """The port and datagram of each frame that is whole now; raises Malformed."""
        data = self._rest + data if self._rest else data
        view, at, end = memoryview(data), 0, len(data)
        frames = []
        while at + HEADER_SIZE <= end:
            port, size = _HEADER.unpack_from(view, at)
            if not size:
                raise Malformed("a frame with nothing in it")
            start, at_next = at + HEADER_SIZE, at + HEADER_SIZE + size
            if at_next > end:
                break
            frames.append((port, view[start:at_next]))
            at = at_next
        self._rest = data[at:]
        return frames


def greet(key: PacketKey, nonce: bytes) -> bytes:
    """The greeting of a client, without its header."""
    return nonce + seal(key, nonce, b"", _ASKS)


def check_greeting(key: PacketKey, greeting: bytes) -> bytes:
    """The nonce of a client's greeting; raises OpenFailed."""
    return _check(key, greeting, _ASKS)


def answer(key: PacketKey, nonce: bytes, asked: bytes) -> bytes:
    """The greeting of a server to a client whose nonce was ``asked``."""
    return nonce + seal(key, nonce, b"", _ANSWERS + asked)


def check_answer(key: PacketKey, greeting: bytes, asked: bytes) -> None:
    """Raises OpenFailed unless it answers what we asked."""
    _check(key, greeting, _ANSWERS + asked)


def _check(key: PacketKey, greeting: bytes, aad: bytes) -> bytes:
    nonce = greeting[:NONCE_SIZE]
    open_sealed(key, nonce, greeting[NONCE_SIZE:], aad)
    return nonce
