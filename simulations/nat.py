"""Network address translators of the four kinds that RFC 4787 tells apart.

A mapping joins an inner endpoint (and, for the fourth kind, one remote endpoint) with a port of
the NAT's public address. The filter decides who may use a mapping from outside:

    kind                       mapping by                     let in
    ENDPOINT_INDEPENDENT       inner endpoint                 everybody
    ADDRESS_DEPENDENT          inner endpoint                 addresses that were sent to
    ADDRESS_AND_PORT_DEPENDENT inner endpoint                 endpoints that were sent to
    SYMMETRIC                  inner and remote endpoint      that remote endpoint

A mapping expires once nothing was sent through it for ``lifetime_s`` (REQ-5). What comes in does
not renew it, but where ``inbound_renews`` (REQ-6 leaves that open; Linux does). ``hairpin``: two
hosts inside reach each other by their outer endpoints (REQ-9).
"""

from __future__ import annotations

import asyncio
import enum
import random
from collections.abc import Hashable
from dataclasses import dataclass, field

from meshdht.endpoint import Endpoint
from simulations.network import Forward, Receive, Side

# The 30 s of the least patient common NATs (RFC 4787 asks for two minutes at least).
LIFETIME_S = 30.0
_FIRST_PORT, _PORTS = 1024, 64512
# Between two hosts behind the same NAT.
LAN_DELAY_S = 0.0005


class NatKind(enum.StrEnum):
    """RFC 4787: the filtering of an endpoint-independent mapping, or a dependent mapping."""

    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"
    SYMMETRIC = "symmetric"


@dataclass(slots=True)
class _Mapping:
    inner: Endpoint
    outer: Endpoint
    key: Hashable
    used: float
    sent_to: dict[Endpoint, float] = field(default_factory=dict)


class Nat:
    """One translator with one public address; sans-IO."""

    def __init__(
        self,
        host: str,
        kind: NatKind,
        *,
        lifetime_s: float = LIFETIME_S,
        hairpin: bool = False,
        inbound_renews: bool = False,
        ports: random.Random | None = None,
    ) -> None:
        """``ports``: draws those of a symmetric NAT; it counts on otherwise."""
        self._ports = ports
        self.inbound_renews = inbound_renews
        self.host = host
        self.kind = kind
        self.hairpin = hairpin
        self._lifetime_s = lifetime_s
        self._by_key: dict[Hashable, _Mapping] = {}
        self._by_port: dict[int, _Mapping] = {}
        self._next_port = _FIRST_PORT

    def forget(self) -> None:
        """Lose all mappings, as in a power cut; what is made anew has other ports."""
        self._next_port = max((port + 1 for port in self._by_port), default=self._next_port)
        self._by_key.clear()
        self._by_port.clear()

    def outbound(self, inner: Endpoint, to: Endpoint, now: float) -> Endpoint:
        """The outer source endpoint of a datagram that leaves."""
        key = (inner, to) if self.kind is NatKind.SYMMETRIC else inner
        mapping = self._by_key.get(key)
        if mapping is None or self._is_over(mapping, now):
            mapping = self._map(inner, key, now)
        mapping.used = mapping.sent_to[to] = now
        return mapping.outer

    def inbound(self, outer: Endpoint, source: Endpoint, now: float) -> Endpoint | None:
        """The inner endpoint that a datagram from outside goes to; None: it is dropped."""
        mapping = self._by_port.get(outer.port)
        if mapping is None or self._is_over(mapping, now):
            return None
        if not self._lets_in(mapping, source, now):
            return None
        if self.inbound_renews:
            mapping.used = mapping.sent_to[source] = now
        return mapping.inner

    def _lets_in(self, mapping: _Mapping, source: Endpoint, now: float) -> bool:
        if self.kind is NatKind.ENDPOINT_INDEPENDENT:
            return True
        border = now - self._lifetime_s
        if self.kind is NatKind.ADDRESS_DEPENDENT:
            sent = (at for to, at in mapping.sent_to.items() if to.host == source.host)
            return any(at > border for at in sent)
        return mapping.sent_to.get(source, border) > border

    def _is_over(self, mapping: _Mapping, now: float) -> bool:
        return now - mapping.used >= self._lifetime_s

    def _map(self, inner: Endpoint, key: Hashable, now: float) -> _Mapping:
        old = self._by_key.pop(key, None)
        if old is not None:
            del self._by_port[old.outer.port]
        port = self._free_port(inner.port, now)
        mapping = _Mapping(inner, Endpoint(self.host, port), key, now)
        self._by_key[key] = self._by_port[port] = mapping
        return mapping

    def _free_port(self, preferred: int, now: float) -> int:
        """The inner port where it is free; a symmetric NAT counts on, or draws."""
        if self.kind is not NatKind.SYMMETRIC and self._is_free(preferred, now):
            return preferred
        for _ in range(_PORTS):
            port = self._ports.randrange(_FIRST_PORT, 65536) if self._ports else self._next_port
            self._next_port = _FIRST_PORT + (port + 1 - _FIRST_PORT) % _PORTS
            if self._is_free(port, now):
                return port
        raise RuntimeError(f"the NAT {self.host} has no port left")

    def _is_free(self, port: int, now: float) -> bool:
        mapping = self._by_port.get(port)
        if mapping is None:
            return True
        if not self._is_over(mapping, now):
            return False
        del self._by_key[mapping.key], self._by_port[port]
        return True


class Inside:
    """The network behind a NAT; another NAT may stand in here (a double NAT)."""

    def __init__(self, outside: Side, nat: Nat) -> None:
        self._outside = outside
        self.nat = nat
        self._receivers: dict[Endpoint, Receive] = {}
        self._routes: dict[str, Forward] = {}
        outside.route(nat.host, self._came_in)

    def attach(self, endpoint: Endpoint, receive: Receive) -> None:
        self._receivers[endpoint] = receive

    def detach(self, endpoint: Endpoint) -> None:
        self._receivers.pop(endpoint, None)

    def route(self, host: str, forward: Forward) -> None:
        self._routes[host] = forward

    def send(self, datagram: bytes, source: Endpoint, to: Endpoint) -> None:
        """To a neighbour directly, to everybody else through the NAT."""
        loop = asyncio.get_running_loop()
        if to in self._receivers or to.host in self._routes:
            loop.call_later(LAN_DELAY_S, self._deliver, datagram, source, to)
            return
        outer = self.nat.outbound(source, to, loop.time())
        if to.host == self.nat.host:
            if self.nat.hairpin:
                loop.call_later(LAN_DELAY_S, self._came_in, datagram, outer, to)
            return
        self._outside.send(datagram, outer, to)

    def _came_in(self, datagram: bytes, source: Endpoint, to: Endpoint) -> None:
        inner = self.nat.inbound(to, source, asyncio.get_running_loop().time())
        if inner is not None:
            self._deliver(datagram, source, inner)

    def _deliver(self, datagram: bytes, source: Endpoint, to: Endpoint) -> None:
        receive = self._receivers.get(to)
        if receive is not None:
            receive(datagram, source)
        elif (forward := self._routes.get(to.host)) is not None:
            forward(datagram, source, to)
