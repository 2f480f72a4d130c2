"""The packet path: a WireGuard device between a TUN and the sockets of a UDP port.

What the TUN hands over is one packet, or up to 64 KiB of one TCP or UDP flow; what a socket hands
over is one datagram, or a train of them. A single one that comes first goes a short way if it is
usual (``express``), other single ones through the device, several that are alike together; the
rest is cut, sealed, opened and joined where it lies (``wireguard.train``, ``engine.offload``).
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshdht.clock import Clock
from meshdht.datagrams import SEGMENTS_MAX, TRAIN_SIZE_MAX, DatagramSocket, segments_of
from meshdht.endpoint import Endpoint
from meshdht.engine.express import Express
from meshdht.engine.gathering import Gathering, Sizes, Write
from meshdht.engine.offload import coalesce, ecn, mss, segment, virtio
from meshdht.engine.offload.checksum import Bytes
from meshdht.engine.tun_file import TunDevice
from meshdht.errors import Malformed
from meshdht.wire.classify import KEEPALIVE, Traffic, classify
from meshdht.wireguard import train as trains
from meshdht.wireguard.constants import TAG_SIZE
from meshdht.wireguard.device import Device
from meshdht.wireguard.events import DeviceEvent
from meshdht.wireguard.inner import destination
from meshdht.wireguard.messages import OVERHEAD, TRANSPORT_HEADER_SIZE
from meshdht.wireguard.session import padded_size
from meshdht.wireguard.train import Train

# What is taken from one side before the other has its turn: so long a ping may have to wait. The
# first packet of a turn goes on its way at once, those behind it are gathered.
_TURN = 64
_TURN_SIZE = 160 * 1024

# A longer frame is more than one packet, as a rule.
_ALONE = 2048

_FRAME_SIZE = virtio.HEADER_SIZE + 65535

# The last message of a received train has a whole stride in the buffer.
_RECEIVED_SIZE = 2 * 65536
# A frame of the usual segments; of smaller ones there are more headers and tags.
_SENT_SIZE = 2 * 65536

# What the kernel says once a TUN interface was deleted under its file descriptor.
_GONE = frozenset({errno.EBADFD, errno.EBADF, errno.ENODEV, errno.ENXIO})


@dataclass(slots=True)
class PumpCounters:
    """What the packet path dropped, by reason; the device has counters of its own."""

    tun_write_failed: int = 0
    """Packets that the kernel did not take: the interface down, no memory, not IP."""
    tun_read_failed: int = 0
    """Reads that failed for another reason than that there is no packet."""
    tun_malformed: int = 0
    """Packets whose virtio header does not fit them."""
    tun_lost: int = 0
    """Times that the TUN vanished."""
    send_failed: int = 0
    """Datagrams, or trains, that could not be sent: no route, no memory, a firewall, no socket of
    that family."""
    receive_failed: int = 0
    """Errors that the kernel reported instead of a datagram."""


class Pump:
    """``on_control`` gets the datagrams that are not WireGuard's; nothing here raises."""

    def __init__(
        self,
        device: Device,
        tun: TunDevice | None,
        sockets: Sequence[DatagramSocket],
        clock: Clock,
        *,
        takes_uso: bool,
        on_control: Callable[[bytes, Endpoint], None],
        on_event: Callable[[DeviceEvent], None],
        on_tun_lost: Callable[[], None],
    ) -> None:
        self.counters = PumpCounters()
        self._device = device
        self._tun = tun
        self._v4 = next((each for each in sockets if not each.is_ipv6), None)
        self._v6 = next((each for each in sockets if each.is_ipv6), None)
        self._clock = clock
        self._takes_uso = takes_uso
        self._on_control = on_control
        self._on_event = on_event
        self._on_tun_lost = on_tun_lost
        self._frame = memoryview(bytearray(_FRAME_SIZE))
        self._joined = memoryview(bytearray(_FRAME_SIZE))
        self._received = Train(_RECEIVED_SIZE)
        self._sent = Train(_SENT_SIZE)
        # ECN's field of the datagrams that the device has ready. Until a packet has one, nobody
        # asks the kernel for that of datagrams, which would cost each of them a little.
        self._ecn = ecn.NOT_ECT
        self._heeds_marks = False
        self._express = Express(device, clock, send=self._send_one, write=self._write)
        self._gathering = Gathering(self._from_tun, self._send_rows)

    def attach(self, tun: TunDevice, *, takes_uso: bool) -> None:
        """Use this TUN from now on, instead of one that was lost."""
        self._tun = tun
        self._takes_uso = takes_uso

    def handle_timeout(self) -> None:
        """Do what is due, after ``Device.next_timeout``."""
        self._device.handle_timeout(self._clock.monotonic(), self._clock.unix())
        self.flush()

    def flush(self) -> None:
        """Pass on all that the device has for others."""
        self._transmit()
        while (packet := self._device.poll_packet()) is not None:
            if not self._heeds_marks and ecn.of(packet):
                self._heed_marks()
            self._write(virtio.PLAIN, self._fitted(packet))
        while (event := self._device.poll_event()) is not None:
            self._on_event(event)

    # --- from this machine

    def read_tun(self) -> None:
        """Send what the TUN has to send, for one turn."""
        tun = self._tun
        if tun is None:
            return
        now = self._clock.monotonic()
        unix = 0.0
        taken = 0
        try:
            for turn in range(_TURN):
                size = tun.read_into(self._frame)
                if size is None:
                    break
                frame = self._frame[:size]
                if turn == 0 and size <= _ALONE and self._express.from_tun(frame, now):
                    continue
                unix = unix or self._clock.unix()
                if turn and size <= _ALONE:
                    self._gathering.add(bytearray(frame), now, unix)
                else:
                    self._gathering.let_go(now, unix)
                    self._from_tun(frame, now, unix)
                taken += size
                if turn == 0:
                    self.flush()
                elif taken >= _TURN_SIZE:
                    break
        except OSError as error:
            self.counters.tun_read_failed += 1
            self._tun_failed(error)
        self._gathering.let_go(now, unix)
        self.flush()

    def _from_tun(self, frame: memoryview, now: float, unix: float) -> None:
        packet = frame[virtio.HEADER_SIZE :]
        if frame[: virtio.HEADER_SIZE] == virtio.PLAIN:
            self._single(bytes(packet), now, unix)
            return
        try:
            header = virtio.parse(frame)
            if header.gso_type == virtio.GSO_NONE:
                segment.complete_checksum(packet, header)
                self._single(bytes(packet), now, unix)
            else:
                self._cut(packet, segment.plan(packet, header), now, unix)
        except Malformed:
            self.counters.tun_malformed += 1

    def _single(self, packet: bytes, now: float, unix: float) -> None:
        field = ecn.of(packet)
        if field != self._ecn:
            self._transmit()  # what came before
            self._ecn = self._outside(field)
        self._device.handle_packet(self._fitted(packet), now, unix)

    def _outside(self, field: int) -> int:
        if field and not self._heeds_marks:
            self._heed_marks()
        return ecn.outside(field)

    def _heed_marks(self) -> None:
        self._heeds_marks = True
        for sock in (self._v4, self._v6):
            if sock is not None:
                sock.heed_marks()

    def _fitted(self, packet: bytes) -> bytes:
        """A packet of its own; a TCP connection that it begins shall fit the tunnel."""
        return mss.clamped(packet, self._device.mtu)

    def _cut(self, packet: memoryview, plan: segment.Plan, now: float, unix: float) -> None:
        """Cut what the TUN handed over into packets, and send them."""
        sizes = plan.count, plan.size, plan.last
        head = bytes(packet[:40])
        self._send_rows(head, sizes, lambda rows: plan.write(packet, rows), now, unix)

    def _send_rows(self, head: bytes, sizes: Sizes, write: Write, now: float, unix: float) -> None:
        """Send packets under one session; ``head`` is that of the first."""
        count, size, last = sizes
        device = self._device
        peer = device.route(destination(head))
        if peer is None:
            device.counters.no_route += count
            return
        padded, padded_last = padded_size(size, device.mtu), padded_size(last, device.mtu)
        stride = padded + OVERHEAD
        train = self._sent if count * stride <= _SENT_SIZE else Train(count * stride)
        rows = train.shape(stride, count).rows[:count, TRANSPORT_HEADER_SIZE:-TAG_SIZE]
        write(rows)
        session = device.sending(peer, now)
        if session is None or peer.endpoint is None:
            lengths = [size] * (count - 1) + [last]
            for row, length in zip(rows, lengths, strict=True):
                device.handle_packet(row[:length].tobytes(), now, unix)
            return
        rows[:, size:] = 0  # padding; what the last lacks up to there is zero already
        self._transmit()  # what came before
        field = self._outside(ecn.of(head))
        trains.seal(train, session, count, stride, padded_last + OVERHEAD)
        total = (count - 1) * stride + padded_last + OVERHEAD
        to = peer.endpoint
        device.data_sent(peer, session, total, now, unix)
        step = segments_of(stride) * stride
        for start in range(0, total, step):
            self._send((train.view[start : min(start + step, total)],), stride, to, field)

    def _transmit(self) -> None:
        """Send what the device has to send, in trains of what is alike."""
        poll = self._device.poll_transmit
        following = poll()
        while following is not None:
            message, to = following
            pieces, each, size = [message], len(message), len(message)
            while (
                (following := poll()) is not None
                and following[1] == to
                and len(following[0]) <= each == len(pieces[-1])
                and len(pieces) < SEGMENTS_MAX
                and size + len(following[0]) <= TRAIN_SIZE_MAX
            ):
                pieces.append(following[0])
                size += len(following[0])
            self._send(pieces, each, to, self._ecn)
        self._ecn = ecn.NOT_ECT

    def _send(
        self, pieces: Sequence[bytes | memoryview], each: int, to: Endpoint, field: int
    ) -> None:
        sock = self._v6 if ":" in to.host else self._v4
        try:
            if sock is not None:
                sock.send(pieces, each, to, field)
                return
        except (OSError, OverflowError):
            pass
        self.counters.send_failed += 1

    def _send_one(self, message: bytes, to: Endpoint) -> None:
        sock = self._v6 if ":" in to.host else self._v4
        try:
            if sock is not None:
                sock.send_one(message, to)
                return
        except (OSError, OverflowError):
            pass
        self.counters.send_failed += 1

    # --- from others

    def read_socket(self, sock: DatagramSocket) -> None:
        """Take what came from others, for one turn."""
        now = self._clock.monotonic()
        unix = 0.0
        taken = 0
        try:
            for turn in range(_TURN):
                received = sock.receive_into(self._received.view)
                if received is None:
                    break
                size, each, source, field = received
                if turn == 0 and size == each and field != ecn.CE:
                    datagram = bytes(self._received.view[:size])
                    if self._express.from_socket(datagram, source, now):
                        continue
                unix = unix or self._clock.unix()
                self._from_socket(size, each, source, field, now, unix)
                taken += size
                if turn == 0:
                    self.flush()
                elif taken >= _TURN_SIZE:
                    break
        except OSError:
            self.counters.receive_failed += 1
        self.flush()

    def _from_socket(
        self, size: int, each: int, source: Endpoint, field: int, now: float, unix: float
    ) -> None:
        view, is_marked = self._received.view, field == ecn.CE
        if size == each and not is_marked:
            self._take(bytes(view[:size]), source, now, unix)
            return
        opened = trains.receive(self._device, self._received, size, each, source, now, unix)
        if opened is not None:
            self.flush()  # what came before, and what this set off
            rows = ecn.all_marked(opened.rows) if is_marked else opened.rows
            self._join(rows, opened.lengths)
            return
        if is_marked:
            self.flush()  # what came before has no mark
        for start in range(0, size, each):
            self._take(bytes(view[start : min(start + each, size)]), source, now, unix)
        while is_marked and (packet := self._device.poll_packet()) is not None:
            self._write(virtio.PLAIN, ecn.marked(self._fitted(packet)))

    def _take(self, datagram: bytes, source: Endpoint, now: float, unix: float) -> None:
        if classify(datagram) is Traffic.WIREGUARD:
            self._device.handle_datagram(datagram, source, now, unix)
        elif len(datagram) != len(KEEPALIVE):
            self._on_control(datagram, source)

    def _join(self, rows: Bytes, lengths: list[int]) -> None:
        """Hand the packets of a train to this machine, as few as they can be made."""
        if not self._heeds_marks and len(rows) and ecn.of(rows[0, :40].tobytes()):
            self._heed_marks()
        for start, stop in coalesce.runs(rows, lengths, udp=self._takes_uso):
            if stop - start == 1:
                packet = rows[start, : lengths[start]].tobytes()
                self._write(virtio.PLAIN, self._fitted(packet))
            else:
                size = coalesce.merge(rows, lengths, (start, stop), self._joined)
                self._write(self._joined[:size])

    def _write(self, *frame: bytes | memoryview) -> None:
        if self._tun is None:
            self.counters.tun_write_failed += 1
            return
        try:
            self._tun.write(frame)
        except OSError as error:
            self.counters.tun_write_failed += 1
            self._tun_failed(error)

    def _tun_failed(self, error: OSError) -> None:
        """A vanished TUN is reported once; its descriptor would else keep the loop spinning."""
        if error.errno in _GONE and self._tun is not None:
            self._tun = None
            self.counters.tun_lost += 1
            self._on_tun_lost()
