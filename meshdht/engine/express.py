"""The usual packet, alone: from the TUN to its peer, and from a peer to the TUN.

After a pause nothing that a packet needs is in the processor's caches any more. A function then
costs some microseconds of waiting for its code and its objects, many times what it costs in a
transfer, and a ping takes as long as there are functions on its way. So here both ways are
written out, for what nearly all packets are; and what has not to be done before a packet leaves
is done after. All else is left to the pump and the device (docs/decisions/packet-worker.md).
"""

from __future__ import annotations

from collections.abc import Callable

from meshdht.clock import Clock
from meshdht.endpoint import Endpoint
from meshdht.engine.offload import segment, virtio
from meshdht.engine.offload.headers import ICMPV6, SYN, TCP, UDP
from meshdht.errors import Malformed, OpenFailed
from meshdht.wireguard.device import Device
from meshdht.wireguard.inner import source_and_length
from meshdht.wireguard.messages import TRANSPORT, TRANSPORT_SIZE_MIN

_TYPE = TRANSPORT.to_bytes(4, "little")
_PLAIN, _HEADER_SIZE = virtio.PLAIN, virtio.HEADER_SIZE
_NOBODY = (None, None)


class Express:
    """``send`` takes what goes to a peer; ``write``, in pieces, what goes to the TUN. Neither
    raises. What the device has to say afterwards is polled."""

    def __init__(
        self,
        device: Device,
        clock: Clock,
        *,
        send: Callable[[bytes, Endpoint], None],
        write: Callable[[bytes, bytes], None],
    ) -> None:
        self._device = device
        self._clock = clock
        self._peers = device.hosts
        self._sessions = device.sessions
        self._intervals = device.intervals
        self._send = send
        self._write = write

    def from_tun(self, frame: memoryview, now: float) -> bool:
        """Send the packet of a TUN's frame. False: it is not a usual one, and nothing was done."""
        whole = bytes(frame)
        packet = whole[_HEADER_SIZE:]
        if not _is_usual(packet):
            return False
        peer = self._peers.get(packet[16:20] if packet[0] == 0x45 else packet[24:40])
        if peer is None or (to := peer.endpoint) is None:
            return False
        session = peer.keypairs.sending(now, self._intervals)
        if session is None:
            return False
        if whole[:_HEADER_SIZE] != _PLAIN:
            try:
                header = virtio.parse(frame)
                if header.gso_type != virtio.GSO_NONE:
                    return False
                segment.complete_checksum(frame[_HEADER_SIZE:], header)
            except Malformed:
                return False
            packet = bytes(frame[_HEADER_SIZE:])
        message = session.seal(packet, self._device.mtu)
        self._send(message, to)
        self._device.data_sent(peer, session, len(message), now, self._clock.unix())
        return True

    def from_socket(self, message: bytes, source: Endpoint, now: float) -> bool:
        """Take a datagram. False: it is not a usual one, and nothing was done."""
        if message[:4] != _TYPE or len(message) <= TRANSPORT_SIZE_MIN:
            return False
        peer, session = self._sessions.get(int.from_bytes(message[4:8], "little"), _NOBODY)
        if peer is None or session is None or session is not peer.keypairs.current:
            return False
        counter = int.from_bytes(message[8:16], "little")
        limits = self._intervals
        if (
            now - session.created_at >= limits.reject_after_time
            or counter >= limits.reject_after_messages
        ):
            return False
        try:
            packet = session.open(message)
        except OpenFailed:
            return False
        if not session.replay.accept(counter):
            self._device.counters.replayed += 1
            return True
        address, length = source_and_length(packet, len(packet))
        usual = address is not None and self._peers.get(address) is peer and _is_usual(packet)
        if usual:
            self._write(_PLAIN, packet[:length])
        size, unix = len(message), self._clock.unix()
        self._device.received(peer, session, source, size, now, unix, has_data=True)
        if not usual:
            self._device.deliver(peer, packet)
        return True


def _is_usual(packet: bytes) -> bool:
    """Whether it is an IP packet without a mark of ECN, and no SYN, which may have to be changed;
    IPv4 without options, IPv6 without extensions."""
    size = len(packet)
    if size < 28:
        return False
    if packet[0] == 0x45:
        if packet[9] == TCP and (size < 40 or packet[33] & SYN):
            return False
        return not packet[1] & 3
    if packet[0] >> 4 != 6 or size < 48 or packet[1] & 0x30:
        return False
    if packet[6] == TCP:
        return size >= 60 and not packet[53] & SYN
    return packet[6] == UDP or packet[6] == ICMPV6
