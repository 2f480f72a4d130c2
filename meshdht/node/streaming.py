"""A node by streams (wire/stream.py): cut off itself, or serving those who are."""

from __future__ import annotations

from collections.abc import Sequence

from meshdht.crypto.keys import DeviceId, PacketKey
from meshdht.dht.prefix import is_household
from meshdht.endpoint import Endpoint
from meshdht.node.cut_off import STREAM_PORT, CutOff
from meshdht.node.reaching import NodeReach
from meshdht.paths.candidate import PathKind
from meshdht.paths.legs import OpenPort
from meshdht.records.endpoint import CandidateKind


class NodeStreams(NodeReach):
    """The part of a ``Node`` that knows of legs (paths/legs.py)."""

    _cut_off: CutOff
    _stream_port: int | None = None
    _mapped_stream: Endpoint | None = None
    """Where a router passes on what comes for that port."""
    _hosts: Sequence[str] = ()
    """The addresses of this machine that others may reach over the internet."""

    # --- for who may be cut off --------------------------------------------------------------

    def is_cut_off(self) -> bool:
        """Whether nobody was heard over UDP of late, and somebody is missed."""
        return self._cut_off.is_cut_off(self._control.clock.monotonic())

    def finds_cut_off(self) -> bool:
        """Whether it is, by asking before it says so: to be called again and again."""
        return self._cut_off.finds_cut_off(self._control.clock.monotonic())

    def has_way(self) -> bool:
        """Whether a path over UDP leads beyond our own networks."""
        return self._cut_off.has_way()

    def packet_key(self) -> PacketKey:
        """Under which to greet."""
        return self._identity.generation.secret.packet_key

    def servers(self) -> Sequence[Endpoint]:
        """TCP endpoints that may serve streams, the likeliest first."""
        return self._cut_off.servers()

    def stream_hosts(self) -> dict[Endpoint, DeviceId]:
        """Those of the servers of which it is known who should answer there: a device that says
        so, or an anchor."""
        anchors = {Endpoint(at.host, STREAM_PORT): who for who, at in self._known_anchors().items()}
        return anchors | self._cut_off.told_servers()

    def leg_opened(
        self,
        leg: Endpoint,
        kind: PathKind,
        open_port: OpenPort | None = None,
        stream: Endpoint | None = None,
    ) -> None:
        """An endpoint on loopback leads elsewhere from now on; maybe by a stream."""
        self._peers.vantage.legs.opened(leg, kind, open_port, stream=stream)
        if stream is not None and open_port is not None:
            self._meet(stream, leg)

    def _meet(self, server: Endpoint, leg: Endpoint) -> None:
        """A stream leads to a machine: if a record says whose it is, that is probed at once."""
        for device in self._peers.sought():
            record = self._holdings.cache.record(device)
            if record is not None and server in record.stream_endpoints:
                self._peers.learn(device, [leg])

    def stream_of(self, endpoint: Endpoint) -> Endpoint | None:
        """The TCP endpoint by which another one is reached, if it is so."""
        return self._peers.vantage.legs.stream(endpoint)

    def leg_closed(self, leg: Endpoint) -> None:
        """It leads nowhere any more."""
        self._peers.vantage.legs.closed(leg)
        self._peers.forget(leg)

    def ask_to_enter(self, endpoint: Endpoint) -> None:
        """Somebody of the network may answer here."""
        self._entrance.heard(endpoint)

    # --- for those who come by a stream ------------------------------------------------------

    @property
    def packet_keys(self) -> Sequence[PacketKey]:
        """Under which control packets are let in."""
        return self._control.keys

    def client_came(self, leg: Endpoint, source: Endpoint) -> None:
        """Somebody who comes by a stream is seen here."""
        self.leg_opened(leg, PathKind.DIRECT, stream=source)

    def client_left(self, leg: Endpoint) -> None:
        self.leg_closed(leg)

    def set_stream_port(self, port: int | None) -> None:
        """The TCP port where streams are served; None: nowhere."""
        self._stream_port = port
        self._publish_streams()

    def set_mapped_stream(self, outer: Endpoint | None) -> None:
        """Where a router passes on what comes for that port."""
        self._mapped_stream = outer
        self._publish_streams()

    def _streams_moved(self, endpoints: Sequence[Endpoint]) -> None:
        """The machine's own addresses are others."""
        self._hosts = [each.host for each in endpoints if not is_household(each.host)]
        self._publish_streams()

    def _publish_streams(self) -> None:
        port = self._stream_port
        streams = [Endpoint(host, port) for host in self._hosts] if port is not None else []
        if port is not None and self._mapped_stream is not None:
            streams.insert(0, self._mapped_stream)
        self._publisher.set_others(CandidateKind.STREAM, streams)
