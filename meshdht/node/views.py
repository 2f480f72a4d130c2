"""What others read of a node: its members, its paths, its keys, its time."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_network

from meshdht.clock import Entropy
from meshdht.crypto.keys import DeviceId, PresharedKey
from meshdht.dht.dht import Contact, Dht
from meshdht.dht.picture import Picture
from meshdht.endpoint import Endpoint
from meshdht.membership.roster import Device, Roster
from meshdht.node.admission import Admission
from meshdht.node.approvals import Approvals
from meshdht.node.control import ControlPort
from meshdht.node.dispatch import Dispatcher
from meshdht.node.entrance import Entrance
from meshdht.node.generations import Generations
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.node.network_time import ClockVerdict, NetworkTime
from meshdht.node.peers import Peers
from meshdht.node.ports import NodeState
from meshdht.node.publishing import Publisher
from meshdht.node.relay_host import RelayHost
from meshdht.node.relay_places import RelayPlace
from meshdht.node.spread import Spread
from meshdht.node.vantage import Vantage
from meshdht.paths.candidate import Network, PathKind
from meshdht.paths.lifetime import WayIn
from meshdht.paths.view import PathView
from meshdht.series import Series
from meshdht.wire.channel import OtherVersion


class NodeViews:
    """Reads the parts of a ``Node``, which is one, and changes nothing."""

    _identity: Identity
    _state: NodeState
    _time: NetworkTime
    _control: ControlPort
    _holdings: NodeHoldings
    _peers: Peers
    _dht: Dht
    _entrance: Entrance
    _publisher: Publisher
    _generations: Generations
    _admission: Admission
    _dispatcher: Dispatcher
    relay_host: RelayHost

    def contact(self, node: DeviceId) -> Contact | None:
        """A device or anchor as the DHT knows it: where and when it last answered."""
        return next((each for each in self._dht.contacts() if each.node_id == node.raw), None)

    def dht_picture(self) -> Picture:
        """What there is to see of the DHT."""
        return self._dht.picture()

    def path(self, device: DeviceId) -> PathView:
        """How a device is reached right now."""
        return self._peers.path(device)

    def probes(self, device: DeviceId) -> Series:
        """What the last probes of the path to a device have shown (paths/agent.py)."""
        return self._peers.probes(device)

    def release(self, device: DeviceId) -> str:
        """Which release of meshdht a device runs, by its own last word; empty if not known."""
        if device == self._identity.device:
            return self._state.release
        return self._peers.releases.get(device, "")

    @property
    def other_versions(self) -> list[OtherVersion]:
        """Who speaks another version of the protocol, the latest last."""
        return self._control.other_versions

    @property
    def vantage(self) -> Vantage:
        """Where this device stands."""
        return self._peers.vantage

    @property
    def way_in(self) -> WayIn:
        """What is known of how long our side lets a silent peer in, over IPv4."""
        return self._peers.way_in

    @property
    def connected(self) -> list[DeviceId]:
        """The members that a path leads to."""
        return [each.device for each in self._peers.neighbours()]

    def preshared_key(self, device: Device) -> PresharedKey:
        """The key that this pair of devices mixes into its handshakes."""
        own = self._identity.wireguard.public
        return self._identity.generation.secret.preshared_key(own, device.wireguard_key)

    def last_preshared_key(self, device: Device) -> PresharedKey | None:
        """That of the last generation, for a while after this device has left it."""
        last = self._generations.just_left
        own = self._identity.wireguard.public
        return last.secret.preshared_key(own, device.wireguard_key) if last else None

    @property
    def approvals(self) -> Approvals:
        """Who waits for an admin's word."""
        return self._admission.approvals

    def spread(self) -> Spread:
        """How far the generation in use has spread, as far as this device has heard."""
        return self._generations.hearing.spread(
            self._identity.device,
            self._identity.generation.number,
            self.roster,
            self._peers.sought(),
            lambda device: self.path(device).endpoint is not None,
        )

    def clocks(self) -> ClockVerdict:
        """Whose clocks are wrong, as far as this device knows."""
        return self._time.verdict()

    @property
    def copy_heard(self) -> float | None:
        """When another machine that has this device's keys was last heard, Unix seconds; None if
        not in the last hours."""
        return self._publisher.copy_heard

    @property
    def held_out_by(self) -> list[Device]:
        """Members without a path to us that hold us for revoked (see node/outcasts.py)."""
        said = self._generations.outcasts.held_out_by()
        found = [self.roster.device(each) for each in said if not self.path(each).endpoint]
        return [each for each in found if each is not None]

    @property
    def time(self) -> NetworkTime:
        """The network's time: what is dated or expires goes by it."""
        return self._time

    @property
    def entropy(self) -> Entropy:
        """What this device draws by lot."""
        return self._control.entropy

    @property
    def roster(self) -> Roster:
        return self._holdings.roster

    @property
    def own(self) -> Device | None:
        """This device in the roster; None if the log no longer admits it."""
        return self.roster.device(self._identity.device)

    @property
    def identity(self) -> Identity:
        return self._identity

    @property
    def holdings(self) -> NodeHoldings:
        return self._holdings

    @property
    def mesh_networks(self) -> list[Network]:
        """The mesh's own ranges: never a path to anybody."""
        return [self.roster.ipv4_range, ip_network(self.roster.ipv6_subnet)]

    @property
    def has_entered(self) -> bool:
        """Whether it is in the DHT, and those nearest to it were found."""
        return self._dht.is_entered and self._entrance.tried.is_set()

    def whereabouts(self, device: DeviceId) -> list[Endpoint]:
        """Where a device may be: where it was reached last, and what it published."""
        return self._generations.whereabouts(device)

    @property
    def own_endpoints(self) -> list[Endpoint]:
        """Where this device may be reached: hints for a link."""
        return self._publisher.endpoints

    @property
    def is_public(self) -> bool:
        """Whether anybody on the internet can send to this device, as far as others see it."""
        return self._peers.vantage.is_public

    @property
    def malformed(self) -> Counter[str]:
        """Members' packets that were not what they should be, by kind."""
        return self._dispatcher.malformed

    @property
    def dropped(self) -> Counter[str]:
        """Control datagrams that were not let in, or not understood, and probes that were not sent
        since they might have gone to strangers, by reason."""
        malformed = Counter({"malformed": self.malformed.total()})
        relay = Counter({f"relay_{each}": n for each, n in self.relay_host.counters.items()})
        return self._control.dropped + malformed + self._peers.withheld + relay

    def _has_direct_path(self) -> bool:
        """Whether a peer is reached beyond our own networks."""
        connected = (self._peers.path(each.device) for each in self._peers.neighbours())
        return any(path.kind is PathKind.DIRECT for path in connected)

    def _contacts_beyond(self) -> set[bytes]:
        """The nodes of the DHT beyond our own networks."""
        kind_of = self._peers.vantage.kind_of
        contacts = self._dht.contacts()
        return {each.node_id for each in contacts if kind_of(each.endpoint) is PathKind.DIRECT}

    def relay_places(self) -> dict[DeviceId, RelayPlace]:
        """The members that offer to relay, and the anchors: where they are, how far."""
        places: dict[DeviceId, RelayPlace] = {}
        for device, endpoint in self._known_anchors().items():
            places[device] = RelayPlace(device, endpoint, self._dht.delay_s(device.raw))
        for device in self._peers.sought():
            record = self._holdings.cache.record(device)
            path = self._peers.path(device)
            if record is None or not record.relay_offer:
                continue
            if path.endpoint is not None and path.kind is not PathKind.RELAY:
                places[device] = RelayPlace(device, path.endpoint, path.rtt_s)
        return places

    def _anchor_ids(self) -> set[bytes]:
        return {each.id.raw for each in self.roster.anchors}

    def _known_anchors(self) -> dict[DeviceId, Endpoint]:
        """The anchors of the log that the DHT knows."""
        if not self.roster.anchors:
            return {}
        known = {DeviceId(each.node_id): each.endpoint for each in self._dht.contacts()}
        return {each.id: known[each.id] for each in self.roster.anchors if each.id in known}

    def _latest(self, device: DeviceId) -> DeviceId:
        """The id by which a device goes on."""
        heir = self.roster.successor(device)
        return heir.device_id if heir is not None else device

    def _missing_peers(self) -> list[DeviceId]:
        """Whom we seek a path to and have none."""
        return [each for each in self._peers.sought() if not self._peers_is_connected(each)]

    def _peers_is_connected(self, device: DeviceId) -> bool:
        return self._peers.path(device).endpoint is not None
