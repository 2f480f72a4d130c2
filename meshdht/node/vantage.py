"""Where this device stands: its own addresses and networks, and where others see it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from meshdht.clock import Clock, Entropy
from meshdht.crypto.keys import DeviceId
from meshdht.dht.prefix import is_household, prefix_of
from meshdht.endpoint import Endpoint
from meshdht.paths.agent import PathAgent
from meshdht.paths.candidate import Network, PathKind, is_probeable, is_shared, path_kind
from meshdht.paths.legs import Legs
from meshdht.paths.nat_behaviour import Behaviour, Filtering, Mapping, NatJudge
from meshdht.paths.pace import Pace
from meshdht.paths.reflexive import ReflexiveEndpoints
from meshdht.records.endpoint import NatBehaviour

_MAPPINGS = {
    Mapping.ENDPOINT_INDEPENDENT: "EI",
    Mapping.ADDRESS_DEPENDENT: "AD",
    Mapping.ADDRESS_AND_PORT_DEPENDENT: "APD",
}
# So long a NAT may let in whom the last process has sent to (RFC 4787, REQ-5).
OLD_MAPPINGS_S = 300.0
# Who does not know what its NAT lets in is met as one that lets in little.
_FILTERINGS = {
    Filtering.ENDPOINT_INDEPENDENT: "EI",
    Filtering.ADDRESS_DEPENDENT: "AD",
    Filtering.ADDRESS_AND_PORT_DEPENDENT: "APD",
    Filtering.UNKNOWN: "APD",
}


def nat_code(behaviour: Behaviour) -> NatBehaviour:
    """How a record and a call say it."""
    if behaviour.mapping is Mapping.NONE:
        return NatBehaviour.NONE
    if behaviour.mapping is Mapping.UNKNOWN:
        return NatBehaviour.UNKNOWN
    return NatBehaviour[f"{_MAPPINGS[behaviour.mapping]}_{_FILTERINGS[behaviour.filtering]}"]


@dataclass(slots=True)
class Lent:
    """A port that a relay has lent to us and one peer."""

    relay: DeviceId | None
    """None: we do not know of having bound there. It was before we were started again."""
    heard: float
    """When the peer was heard by it last, monotonic seconds; before: when it was lent."""
    ended: float | None = None
    """When we gave it back. Something may still come from there for a while: nobody is."""


class Vantage:
    """What endpoints are to this device. ``on_changed()``: it is seen elsewhere than before, or
    otherwise."""

    def __init__(self, clock: Clock, on_changed: Callable[[], None]) -> None:
        self._clock = clock
        self._on_changed = on_changed
        self._endpoints: frozenset[Endpoint] = frozenset()
        self._networks: Sequence[Network] = ()
        self.mesh_networks: Sequence[Network] = ()
        """The mesh's own ranges, where nothing else is ever sought."""
        self.reflexive = ReflexiveEndpoints()
        self.legs = Legs()
        self.judge = NatJudge()
        """What kind of NAT is on our side."""
        self._nat = NatBehaviour.UNKNOWN
        self.heard_beyond = -math.inf
        """When something came last, over UDP, from beyond our own networks."""
        self.moved = clock.monotonic()
        """When our network changed last."""
        self.lent: dict[Endpoint, Lent] = {}
        """Ports of relays: paths to peers, and of no use to anybody else."""

    def set_local(self, endpoints: Sequence[Endpoint], networks: Sequence[Network]) -> None:
        """The addresses of our interfaces changed: what was seen of us before is void."""
        self._endpoints = frozenset(endpoints)
        self._networks = networks
        self.reflexive.forget()
        self.heard_beyond, self.moved = -math.inf, self._clock.monotonic()
        self.judge.forget(endpoints[0].port if endpoints else 0)

    def is_own(self, endpoint: Endpoint) -> bool:
        """Whether an interface of ours has this address, and the port is ours."""
        return endpoint in self._endpoints

    @property
    def is_public(self) -> bool:
        """Whether others see us at an IPv4 address of our own that is nobody else's; where nobody
        has said yet, whether we have such a one. (An IPv6 address is one's own behind a firewall
        as well.)"""
        seen = [each for each in self.reflexive.endpoints if not each.is_ipv6]
        return any(
            self.is_own(each) and not (each.is_ipv6 or is_household(each.host) or is_shared(each))
            for each in seen or self._endpoints
        )

    def kind_of(self, endpoint: Endpoint) -> PathKind:
        """What kind of path an endpoint makes from where we are."""
        if endpoint in self.lent:
            return PathKind.RELAY
        return self.legs.kind_of(endpoint) or path_kind(endpoint, self._networks)

    def relay_of(self, endpoint: Endpoint) -> DeviceId | None:
        """By which relay an endpoint is a path, if it is one."""
        lent = self.lent.get(endpoint)
        return lent.relay if lent is not None else None

    def found_lent(self, endpoint: Endpoint) -> None:
        """A peer says that a relay has lent us two this port."""
        if endpoint not in self.legs:
            now = self._clock.monotonic()
            self.lent.setdefault(endpoint, Lent(None, now)).heard = now

    def forget_lent(self, before: float) -> list[Endpoint]:
        """What was given back before a moment (monotonic seconds), or was never asked for and is
        silent since, is nothing special any more; returns these."""
        gone = []
        for port, lent in list(self.lent.items()):
            until = lent.heard if lent.relay is None else lent.ended
            if until is not None and until < before:
                del self.lent[port]
                gone.append(port)
        return gone

    def agent(self, entropy: Entropy, pace: Pace) -> PathAgent:
        """Who finds paths to a peer from here."""
        return PathAgent(entropy, self.kind_of, pace, self.legs.is_stream)

    def may_probe(self, endpoint: Endpoint) -> bool:
        lent = self.lent.get(endpoint)
        if lent is not None and lent.ended is not None:
            return False
        return endpoint in self.legs or is_probeable(endpoint, self.mesh_networks)

    def probeable(self, endpoints: Iterable[Endpoint]) -> list[Endpoint]:
        return [endpoint for endpoint in endpoints if self.may_probe(endpoint)]

    def seen_by_contact(self, witness: Endpoint, observed: Endpoint) -> None:
        """A DHT contact, a member or not, says where it sees us. Ids cost nothing there, so that
        an address prefix has one voice, whatever ids and hosts it goes by."""
        self.seen_by(prefix_of(witness.host), witness, observed)

    def seen_by(self, observer: DeviceId | str, witness: Endpoint, observed: Endpoint) -> None:
        """Somebody at ``witness`` says where it sees us."""
        if not is_probeable(observed, self.mesh_networks) or witness in self.legs:
            # What a leg's far end sees is not our port.
            return
        is_news = self.reflexive.observe(observer, observed)
        self._judge(witness, observed)
        if is_news:
            self._on_changed()
        self.tell()

    def _judge(self, witness: Endpoint, observed: Endpoint) -> None:
        if self.is_beyond(witness):
            own, now = self.is_own(observed), self._clock.monotonic()
            self.judge.observed(prefix_of(witness.host), witness, observed, now, own=own)

    def heard(self, source: Endpoint) -> None:
        """Who answers us, or speaks to us knowing where we are, is there."""
        if source not in self.legs and self.kind_of(source) is PathKind.DIRECT:
            self.heard_beyond = self._clock.monotonic()

    def let_in(self, source: Endpoint, *, knew_address: bool) -> None:
        """A packet of the network came from where nothing was sent to. Just after a start that says
        nothing: our NAT still has what another process at this port has sent to."""
        if self._clock.monotonic() - self.moved >= OLD_MAPPINGS_S:
            self.test_got_in(source, knew_address=knew_address)

    def test_got_in(self, source: Endpoint, *, knew_address: bool) -> None:
        """The same of one that was asked to come from where nothing can have been sent to."""
        if self.is_beyond(source):
            self.judge.got_in(knew_address=knew_address)

    def is_beyond(self, endpoint: Endpoint) -> bool:
        """Whether what goes there passes the NAT on our side, if there is one."""
        if endpoint.is_ipv6 or is_household(endpoint.host):
            return False
        ours = {each.host for each in self.reflexive.endpoints}
        return self.kind_of(endpoint) is PathKind.DIRECT and endpoint.host not in ours

    def seen_at_port(self, witness: Endpoint, observed: Endpoint) -> None:
        """A peer says where it sees us from another port of its own."""
        self._judge(witness, observed)

    def tell(self) -> None:
        """Let the others hear of it if our NAT is another than they were told."""
        nat = self.nat
        if nat is not self._nat:
            self._nat = nat
            self._on_changed()

    def behaviour(self) -> Behaviour:
        """How the NAT on our side behaves, as far as is known right now."""
        return self.judge.judge(self._clock.monotonic())

    @property
    def nat(self) -> NatBehaviour:
        """How the NAT on our side behaves, as others are told."""
        return nat_code(self.judge.told(self._clock.monotonic()))
