"""Where this device stands: its own addresses and networks, and where others see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from meshdht.crypto.keys import DeviceId
from meshdht.dht.prefix import prefix_of
from meshdht.endpoint import Endpoint
from meshdht.paths.candidate import Network, PathKind, is_probeable, path_kind
from meshdht.paths.legs import Legs
from meshdht.paths.reflexive import ReflexiveEndpoints


class Vantage:
    """What endpoints are to this device. ``on_changed()``: it is seen elsewhere than before."""

    def __init__(self, on_changed: Callable[[], None]) -> None:
        self._on_changed = on_changed
        self._endpoints: frozenset[Endpoint] = frozenset()
        self._networks: Sequence[Network] = ()
        self.mesh_networks: Sequence[Network] = ()
        """The mesh's own ranges, where nothing else is ever sought."""
        self.reflexive = ReflexiveEndpoints()
        self.legs = Legs()

    def set_local(self, endpoints: Sequence[Endpoint], networks: Sequence[Network]) -> None:
        """The addresses of our interfaces changed: what was seen of us before is void."""
        self._endpoints = frozenset(endpoints)
        self._networks = networks
        self.reflexive.forget()

    def is_own(self, endpoint: Endpoint) -> bool:
        """Whether an interface of ours has this address, and the port is ours."""
        return endpoint in self._endpoints

    def kind_of(self, endpoint: Endpoint) -> PathKind:
        """What kind of path an endpoint makes from where we are."""
        return self.legs.kind_of(endpoint) or path_kind(endpoint, self._networks)

    def may_probe(self, endpoint: Endpoint) -> bool:
        return endpoint in self.legs or is_probeable(endpoint, self.mesh_networks)

    def probeable(self, endpoints: Iterable[Endpoint]) -> list[Endpoint]:
        return [endpoint for endpoint in endpoints if self.may_probe(endpoint)]

    def seen_by_contact(self, witness: Endpoint, observed: Endpoint) -> None:
        """A DHT contact, a member or not, says where it sees us. Ids cost nothing there, so that
        an address prefix has one voice, whatever ids and hosts it goes by."""
        self.seen_by(prefix_of(witness.host), observed)

    def seen_by(self, observer: DeviceId | str, observed: Endpoint) -> None:
        """Somebody says where it sees us."""
        if is_probeable(observed, self.mesh_networks) and self.reflexive.observe(
            observer, observed
        ):
            self._on_changed()
