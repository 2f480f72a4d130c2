"""The worker of the embedded engine: ``python -m meshdht.engine.worker FD``.

It carries all traffic, so that the daemon's work and the traffic never wait for each other. FD is
its end of ``channel``; it ends when the daemon does.
"""

from __future__ import annotations

import gc
import select
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from meshdht.clock import SystemClock, SystemEntropy
from meshdht.crypto.keys import WireGuardPrivateKey, WireGuardPublicKey
from meshdht.datagrams import DatagramSocket
from meshdht.endpoint import Endpoint
from meshdht.engine import channel
from meshdht.engine.channel import Ask, Attach, Channel, Operate, Resize, Setup
from meshdht.engine.pump import Pump
from meshdht.engine.tun_file import TunFile
from meshdht.errors import RemoteError
from meshdht.wireguard.device import Device

# How often it is tried again to say what found no room.
_RETRY_S = 0.05


class NetworkClock(SystemClock):
    """The network's time, as the daemon last said it is."""

    offset = 0.0

    def unix(self) -> float:
        return super().unix() + self.offset


class Worker:
    """A pump, and the channel over which it is told what to do."""

    def __init__(self, talk: Channel, setup: Setup, fds: list[int]) -> None:
        self._channel = talk
        self._clock = NetworkClock()
        self._clock.offset = setup.clock_offset
        self._tun: TunFile | None = TunFile(fds[0])
        self._sockets = [DatagramSocket(socket.socket(fileno=fd)) for fd in fds[1:]]
        self._device = Device(
            WireGuardPrivateKey(setup.private_key),
            SystemEntropy(),
            mtu=setup.mtu,
            intervals=setup.intervals,
            stamps_after=setup.stamps_after,
        )
        self._pump = Pump(
            self._device,
            self._tun,
            self._sockets,
            self._clock,
            takes_uso=setup.takes_uso,
            on_control=self._hand_over,
            on_event=lambda event: talk.send(channel.event_message(event)),
            on_tun_lost=self._lose_tun,
        )
        self._epoll = select.epoll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._read(talk.fileno(), self._obey)
        self._read(self._tun.fileno(), self._pump.read_tun)
        for sock in self._sockets:
            self._read(sock.fileno(), partial(self._pump.read_socket, sock))

    def run(self) -> None:
        """Until the daemon is gone, which is an EOFError."""
        self._channel.send(channel.Started(self._features()))
        readers, device, clock = self._readers, self._device, self._clock
        while True:
            deadline = device.next_timeout()
            wait = -1.0 if deadline is None else max(0.0, deadline - clock.monotonic())
            if self._channel.waits:
                wait = min(wait, _RETRY_S) if wait >= 0 else _RETRY_S
            for fd, _ in self._epoll.poll(wait):
                if fd in readers:  # a TUN may be lost between two of them
                    readers[fd]()
            if deadline is not None and clock.monotonic() >= deadline:
                self._pump.handle_timeout()
            if self._channel.waits:
                self._channel.flush()

    def _features(self) -> tuple[str, ...]:
        features = []
        if all(sock.segments for sock in self._sockets):
            features.append("UDP GSO")
        if all(sock.joins for sock in self._sockets):
            features.append("UDP GRO")
        return tuple(features)

    def _read(self, fd: int, reader: Callable[[], None]) -> None:
        self._readers[fd] = reader
        self._epoll.register(fd, select.EPOLLIN)

    def _hand_over(self, data: bytes, source: Endpoint) -> None:
        self._channel.offer(channel.Datagram(data, source))

    def _lose_tun(self) -> None:
        if self._tun is not None:
            del self._readers[self._tun.fileno()]
            self._epoll.unregister(self._tun.fileno())
            self._tun.close()
            self._tun = None
        self._channel.send(channel.TunLost())

    # --- what the daemon says

    def _obey(self) -> None:
        while (received := self._channel.receive()) is not None:
            message, fds = received
            match message:
                case Operate():
                    self._clock.offset = message.clock_offset
                    self._channel.send(self._operate(message))
                    self._pump.flush()
                case Ask():
                    self._clock.offset = message.clock_offset
                    self._tell(message.number)
                case Attach(takes_uso):
                    self._attach(TunFile(fds[0]), takes_uso)
                case Resize(mtu):
                    self._device.mtu = mtu
                case Setup():
                    raise AssertionError("set up twice")

    def _attach(self, tun: TunFile, takes_uso: bool) -> None:
        if self._tun is not None:
            self._lose_tun()
        self._tun = tun
        self._pump.attach(tun, takes_uso=takes_uso)
        self._read(tun.fileno(), self._pump.read_tun)

    def _operate(self, message: Operate) -> channel.Operated:
        device, now, unix = self._device, self._clock.monotonic(), self._clock.unix()
        refused: list[bytes] = []
        for key in message.remove:
            device.remove_peer(WireGuardPublicKey(key))
        for peer in message.set:
            config = peer.config()
            try:
                device.add_peer(
                    config.public_key,
                    psk=config.preshared_key,
                    last_psk=config.last_preshared_key,
                    allowed_ips=config.allowed_ips,
                    endpoint=config.endpoint,
                    keepalive_s=config.keepalive_s,
                    now=now,
                )
            except RemoteError:
                refused.append(peer.public_key)
        for key, endpoint in message.move:
            device.set_endpoint(WireGuardPublicKey(key), Endpoint(*endpoint), now, unix)
        for key in message.initiate:
            device.initiate(WireGuardPublicKey(key), now, unix)
        return channel.Operated(message.number, refused)

    def _tell(self, number: int) -> None:
        peers: list[tuple[bytes, tuple[str, int] | None, float | None, int, int]] = [
            (each.public.raw, each.endpoint, each.handshake_unix, each.rx_bytes, each.tx_bytes)
            for each in self._device.peers
        ]
        for start in range(0, len(peers), channel.PART):
            part = peers[start : start + channel.PART]
            self._channel.send(channel.Stats(number, part, is_last=False))
        counters = {f"wireguard_{each}": n for each, n in asdict(self._device.counters).items()}
        counters |= {f"engine_{each}": n for each, n in asdict(self._pump.counters).items()}
        counters["engine_control_lost"] = self._channel.lost
        self._channel.send(channel.Stats(number, [], True, counters))


def main() -> None:
    # The daemon gets these as well, and says when it is over.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    talk = Channel(socket.socket(fileno=int(sys.argv[1])))
    try:
        worker = Worker(talk, *talk.receive_setup())
        gc.collect()
        gc.freeze()
        worker.run()
    except EOFError:
        pass


if __name__ == "__main__":
    main()
