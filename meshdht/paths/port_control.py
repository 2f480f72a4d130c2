"""A port of ours on the outside of the router, by PCP or by NAT-PMP. Sans-IO.

Both are asked at once, since a router that knows neither says nothing at all. A NAT-PMP router is
asked for a mapping only once PCP had its time to answer, so that a router that knows both makes
one mapping and not two:

    asking ──PCP: mapped──────────────────────────────────► mapped by PCP
       │ └──NAT-PMP: address, PCP silent──► mapped ───────► mapped by NAT-PMP
       └──refused, or TRIES unanswered──► given up

A mapping is asked for again at half its life, at three quarters, and so on, and at once when the
router says, by itself or by its epoch, that it has lost what it had. The caller sends what
``poll`` returns to the router, hands in what comes from there, sleeps until ``deadline``, and
looks at ``mapping`` after each of these.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from meshdht.clock import Entropy
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.limits import MAPPING_LIFETIME_MAX_S
from meshdht.wire.port_mapping import (
    UNSUPPORTED_VERSION,
    Answer,
    PcpAnnounce,
    PcpMapping,
    PcpRefusal,
    PmpAddress,
    PmpMapping,
    PmpRefusal,
    Transport,
    parse_answer,
    pcp_ask_mapping,
    pmp_ask_address,
    pmp_ask_mapping,
)

# What we ask for: RFC 6886, section 3.3 wants hours; this is how long a port stays open behind a
# device that vanished.
LIFETIME_S = 3600
# Tries and the pause after the first, which doubles (RFC 6886, section 3.1).
TRIES = 5
FIRST_PAUSE_S = 0.25
# What PCP has before NAT-PMP makes a mapping.
HEAD_START_S = 0.4
# Renewals are never closer (RFC 6887, section 11.2.1), nor is what an announcement makes us send.
RENEWAL_PAUSE_MIN_S = 4.0
# After an announcement, or all machines of the LAN would ask at the same time.
ANNOUNCED_JITTER_S = 1.0
# How far the router's clock may go from ours (RFC 6886, section 3.6; RFC 6887, section 8.5).
CLOCK_SLACK = 8
CLOCK_SLACK_S = 2.0

PCP, NAT_PMP, UPNP = "PCP", "NAT-PMP", "UPnP"

_PMP_RESULTS = {2: "not authorised", 3: "no outer address", 4: "no more ports"}
_PCP_RESULTS = {
    2: "not authorised",
    7: "no outer address",
    8: "no more ports",
    10: "no more ports for this device",
    11: "no such outer address",
    12: "our address is not the one that it sees",
}


@dataclass(frozen=True, slots=True)
class Mapping:
    """What comes to ``outer`` is passed to our port. ``protocol`` made it."""

    protocol: str
    outer: Endpoint

    @property
    def is_public(self) -> bool:
        """Whether the internet may reach it: not if it lies in a network behind another NAT."""
        return not is_inner(self.outer)


# RFC 1918, RFC 6598 (carriers' NATs), RFC 6333 (DS-Lite), RFC 4193.
_INNER_NETWORKS = tuple(
    ip_network(each)
    for each in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "fc00::/7",
    )
)


def is_inner(endpoint: Endpoint) -> bool:
    """Whether an address means something only within some network."""
    address = ip_address(endpoint.host)
    return any(address in network for network in _INNER_NETWORKS)


def may_be_outer(outer: Endpoint) -> bool:
    """Whether an address and port could be those of the outside of a router."""
    address = ip_address(outer.host)
    return outer.port > 0 and not (
        address.is_unspecified
        or address.is_loopback
        or address.is_multicast
        or address.is_link_local
        or str(address) == "255.255.255.255"
    )


class PortControl:
    """One router and one port of ours: ``inner``, the address that the router sees us at."""

    def __init__(
        self,
        inner: Endpoint,
        nonce: bytes,
        entropy: Entropy,
        now: float,
        transport: Transport = Transport.UDP,
    ) -> None:
        """``nonce``: secret, NONCE_SIZE bytes; a mapping of PCP belongs to who knows it, so that
        it is the same again after a crash."""
        self._inner = inner
        self._entropy = entropy
        self._nonce = nonce
        self._transport = transport
        self.counters: Counter[str] = Counter()
        """Answers that counted for nothing, by reason."""
        self.trouble = ""
        """Why the router did not do it, in its words; empty while it has not said."""
        self.mapping: Mapping | None = None
        self._wanted: Endpoint | None = None
        """What we had last, to get it again."""
        self._epoch: tuple[int, float] | None = None
        self._expires = 0.0
        self._last_asked = now
        self.ask(now)

    def ask(self, now: float) -> None:
        """Begin anew."""
        self.mapping = None
        self.trouble = ""
        self._started = now
        self._tries = 0
        self._next: float | None = now
        self._possible = {PCP} if self._inner.is_ipv6 else {PCP, NAT_PMP}
        self._pmp_address: str | None = None
        self._asked: set[type[Answer]] = set()

    @property
    def has_given_up(self) -> bool:
        return self._next is None

    @property
    def deadline(self) -> float | None:
        """When ``poll`` is due next; None if it has given up."""
        return self._next

    def poll(self, now: float) -> list[bytes]:
        """What to send to the router now."""
        if self._next is None or now < self._next:
            return []
        if self.mapping is None:
            return self._try(now)
        if now >= self._expires:
            self.ask(now)
            return self._try(now)
        # RFC 6887, section 8.1.1, but never past half of what is left.
        pause = min(RENEWAL_PAUSE_MIN_S * 2**self._tries, (self._expires - now) / 2)
        self._next = min(now + max(pause, RENEWAL_PAUSE_MIN_S), self._expires)
        self._tries += 1
        return self._requests(now, self.mapping.protocol)

    def check(self, now: float) -> None:
        """There is reason to doubt that the mapping is still there."""
        if self.mapping is not None and self._next is not None:
            self._next = min(self._next, max(now, self._last_asked + RENEWAL_PAUSE_MIN_S))

    def handle(self, data: bytes, now: float) -> None:
        """The router answered; any bytes are fine."""
        try:
            answer = parse_answer(data)
        except Malformed:
            self.counters["malformed"] += 1
            return
        question = self._question(answer)
        if question not in self._asked:
            self.counters["unasked"] += 1
            return
        self._asked.discard(question)
        self._take(answer, now)

    def handle_announcement(self, data: bytes, now: float) -> bool:
        """The router told everybody on the link something; any bytes are fine. Returns whether it
        says that it has started anew, or has another outer address."""
        try:
            answer = parse_answer(data)
        except Malformed:
            self.counters["malformed"] += 1
            return False
        if not isinstance(answer, PmpAddress | PcpAnnounce):
            self.counters["unasked"] += 1
        elif self._has_restarted(answer.epoch_s, now) or (
            isinstance(answer, PmpAddress)
            and self.mapping is not None
            and answer.address != self.mapping.outer.host
        ):
            self.check(now + self._entropy.uniform(0.0, ANNOUNCED_JITTER_S))
            return True
        return False

    def withdraw(self) -> list[bytes]:
        """What to send so that the router keeps nothing open for us."""
        sent = []
        if PcpMapping in self._asked or (self.mapping and self.mapping.protocol == PCP):
            sent.append(pcp_ask_mapping(self._nonce, self._inner, None, 0, self._transport))
        if PmpMapping in self._asked or (self.mapping and self.mapping.protocol == NAT_PMP):
            sent.append(pmp_ask_mapping(self._inner.port, 0, 0, self._transport))
        self.mapping = None
        self._next = None
        self._asked.clear()
        return sent

    # --- asking ------------------------------------------------------------------------------

    def _try(self, now: float) -> list[bytes]:
        if self._tries >= TRIES:
            self._next = None
            self._asked.clear()
            return []
        self._next = now + FIRST_PAUSE_S * 2**self._tries
        self._tries += 1
        return [each for protocol in (PCP, NAT_PMP) for each in self._asking(now, protocol)]

    def _asking(self, now: float, protocol: str) -> list[bytes]:
        return self._requests(now, protocol) if protocol in self._possible else []

    def _requests(self, now: float, protocol: str) -> list[bytes]:
        self._last_asked = now
        wanted = self._wanted
        if protocol == PCP:
            self._asked.add(PcpMapping)
            asked = self._nonce, self._inner, wanted, LIFETIME_S, self._transport
            return [pcp_ask_mapping(*asked)]
        self._asked.add(PmpAddress)
        requests = [pmp_ask_address()]
        head_start = PCP in self._possible and now < self._started + HEAD_START_S
        if self._pmp_address is not None and not head_start:
            self._asked.add(PmpMapping)
            port = wanted.port if wanted else self._inner.port
            asked_pmp = self._inner.port, port, LIFETIME_S, self._transport
            requests.append(pmp_ask_mapping(*asked_pmp))
        return requests

    # --- answers -----------------------------------------------------------------------------

    def _question(self, answer: Answer) -> type[Answer]:
        """What this is the answer to, named by the answer that was hoped for."""
        match answer:
            case PcpMapping() | PcpRefusal():
                return PcpMapping if answer.nonce in (self._nonce, b"") else PcpRefusal
            case PmpRefusal() if answer.result == UNSUPPORTED_VERSION:
                # RFC 6887, section 9: how a router of NAT-PMP alone answers PCP.
                return PcpMapping
            case PmpRefusal():
                return PmpMapping if PmpMapping in self._asked else PmpAddress
            case _:
                return type(answer)

    def _take(self, answer: Answer, now: float) -> None:
        if isinstance(answer, PcpRefusal | PmpRefusal):
            self._refused(answer, now)
            return
        self._has_restarted(answer.epoch_s, now)
        if isinstance(answer, PmpAddress):
            self._take_pmp_address(answer.address, now)
        elif isinstance(answer, PmpMapping):
            host = self._pmp_address or ""
            outer = Endpoint(host, answer.outer_port)
            self._mapped(NAT_PMP, answer, outer, now)
        elif isinstance(answer, PcpMapping):
            self._mapped(PCP, answer, answer.outer, now)

    def _take_pmp_address(self, address: str, now: float) -> None:
        if not may_be_outer(Endpoint(address, 1)):
            self.counters["nonsense"] += 1
            return
        is_first = self._pmp_address is None
        self._pmp_address = address
        if self.mapping is None and is_first and self._next is not None:
            soon = self._started + HEAD_START_S if PCP in self._possible else now
            self._next = min(self._next, max(now, soon))
        elif self.mapping is not None and self.mapping.protocol == NAT_PMP:
            self.mapping = Mapping(NAT_PMP, Endpoint(address, self.mapping.outer.port))

    def _mapped(
        self, protocol: str, answer: PmpMapping | PcpMapping, outer: Endpoint, now: float
    ) -> None:
        if self.mapping is not None and self.mapping.protocol != protocol:
            self.counters["late"] += 1
            return
        is_ours = (answer.transport, answer.inner_port) == (self._transport, self._inner.port)
        makes_sense = is_ours and answer.lifetime_s > 0
        if not makes_sense or outer.is_ipv6 != self._inner.is_ipv6 or not may_be_outer(outer):
            self.counters["nonsense"] += 1
            return
        lifetime_s = min(answer.lifetime_s, MAPPING_LIFETIME_MAX_S)
        self.mapping = Mapping(protocol, outer)
        self.trouble = ""
        self._wanted = outer
        self._tries = 0
        self._expires = now + lifetime_s
        self._next = now + max(lifetime_s / 2, RENEWAL_PAUSE_MIN_S)

    def _refused(self, answer: PcpRefusal | PmpRefusal, now: float) -> None:
        if isinstance(answer, PcpRefusal):
            protocol, words = PCP, _PCP_RESULTS.get(answer.result, "")
        elif answer.result == UNSUPPORTED_VERSION:
            protocol, words = PCP, "no PCP"
        else:
            protocol, words = NAT_PMP, _PMP_RESULTS.get(answer.result, "")
        self.trouble = words or f"{protocol} result {answer.result}"
        self._possible.discard(protocol)
        if self.mapping is not None and self.mapping.protocol == protocol:
            self.mapping = None
            self._possible.clear()
        if not self._possible:
            self._next = None
            self._asked.clear()
        elif self.mapping is None and self._pmp_address is not None:
            self._next = now

    def _has_restarted(self, epoch_s: int, now: float) -> bool:
        """Whether the router has begun its time anew since it last told it."""
        before, self._epoch = self._epoch, (epoch_s, now)
        if before is None:
            # It never answered; what it made by UPnP is as old as our asking, at most.
            return epoch_s + CLOCK_SLACK_S < now - self._started
        theirs, ours = epoch_s - before[0], now - before[1]
        slack = ours / CLOCK_SLACK + CLOCK_SLACK_S
        return abs(theirs - ours) > slack
