"""The roster: what the membership log says, as every device that holds the same log computes it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from meshdht.crypto.keys import (
    DeviceId,
    InvitePublicKey,
    NetworkId,
    VerifyKey,
    WireGuardPublicKey,
)
from meshdht.errors import StateError, UsageError
from meshdht.membership.addresses import ipv6_subnet
from meshdht.membership.administration import RekeyBody
from meshdht.membership.extra_names import ExtraName
from meshdht.membership.names import DOMAIN
from meshdht.membership.neighbourhood import Ring
from meshdht.membership.statements import Role, Statement, StatementHash, Terms


@dataclass(frozen=True, slots=True)
class Device:
    """A member."""

    id: DeviceId
    verify_key: VerifyKey
    wireguard_key: WireGuardPublicKey
    name: str
    """Its label, unique in the network: the fold may have given it a suffix."""
    ipv4: IPv4Address | None
    """None once the network's range is full."""
    ipv6: IPv6Address
    admin: bool
    admitted_at: int
    """Unix seconds, by the clock of the member that admitted it."""
    admission: StatementHash
    """What its authority rests on: an ancestor of all that it writes."""
    granted: StatementHash | None = None
    """What makes it an admin: an ancestor of all that it writes as one."""
    tags: tuple[str, ...] = ()
    """Ascending."""
    expires: int = 0
    """Unix seconds: when it is to be revoked; 0: never. The fold has no clock, and ignores it."""
    ephemeral_s: int = 0
    """After so many seconds offline it is to be revoked; 0: it stays."""

    @property
    def authority(self) -> tuple[StatementHash, ...]:
        """The statements that all it writes must build on."""
        return (self.admission,) if self.granted is None else (self.admission, self.granted)


@dataclass(frozen=True, slots=True)
class Removed:
    """A key that is out for ever."""

    id: DeviceId
    verify_key: VerifyKey
    name: str
    """The last that the device or anchor had; empty if it was never in."""
    by: DeviceId
    """Who removed it: itself, if it left."""
    removed_at: int
    """Unix seconds, by its remover's clock."""
    statement: StatementHash


@dataclass(frozen=True, slots=True)
class Anchor:
    """A blind holder: no member. It has no address, no tunnel and no secret but the packet key."""

    id: DeviceId
    """Its node id in the DHT: the hash of its key, as a device's is."""
    verify_key: VerifyKey
    name: str
    """Its label, unique among anchors: the fold may have given it a suffix."""
    added_by: DeviceId
    """The admin who invited it."""
    admitted_at: int
    """Unix seconds, by the clock of the member that admitted it."""


@dataclass(frozen=True, slots=True)
class Invite:
    """An invite that an admin logged."""

    hash: StatementHash
    key: InvitePublicKey
    author: DeviceId
    expires: int
    """Unix seconds."""
    uses: int
    suggested_name: str
    role: Role
    claimed_by: tuple[DeviceId, ...]
    terms: Terms
    revoked: bool
    """By word, or with the admin who wrote it or a device that came by it."""

    @property
    def is_used_up(self) -> bool:
        return len(self.claimed_by) >= self.uses


@dataclass(frozen=True, slots=True)
class Rekey:
    """A statement that begins a generation of the network secret."""

    hash: StatementHash
    generation: int
    commitment: bytes
    """What ``Generation.commitment`` of its secret is."""
    author: DeviceId
    written_at: int
    """Unix seconds, by its author's clock."""

    @classmethod
    def of(cls, statement: Statement, body: RekeyBody) -> Rekey:
        """What a statement with this body says."""
        author, at = statement.author.device_id, statement.unix_ms // 1000
        return cls(statement.hash, body.generation, body.commitment, author, at)


@dataclass(frozen=True, slots=True)
class Rename:
    """A statement by which a device gave up a name."""

    hash: StatementHash
    device: VerifyKey
    was: str


@dataclass(frozen=True, slots=True)
class Succession:
    """A device went on by another key."""

    hash: StatementHash
    old: VerifyKey
    new: VerifyKey
    written_at: int
    """Unix seconds, by the device's clock."""
    retired: bool = False
    """An admin has retired the old key."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A statement without effect, and why: for people, and for a device that lost a race."""

    hash: StatementHash
    device: DeviceId | None
    """The device or anchor that it would have admitted."""
    reason: str


class DeviceIndex:
    """Devices by their ids, keys, names and addresses, and the ring of their ids."""

    def __init__(self, other: DeviceIndex | None = None) -> None:
        """Empty, or a copy."""
        self.by_key: dict[object, Device] = dict(other.by_key) if other else {}
        self._ids: list[DeviceId] = list(other._ids) if other else []
        self._ring: Ring | None = None

    @property
    def ring(self) -> Ring:
        """Of those that are in it now."""
        if self._ring is None:
            self._ring = Ring(tuple(self._ids))
        return self._ring

    def add(self, device: Device) -> None:
        keys = (device.id, device.id.raw, device.verify_key, device.wireguard_key)
        self.by_key.update(dict.fromkeys((*keys, device.name, device.ipv6), device))
        if device.ipv4 is not None:
            self.by_key[device.ipv4] = device
        insort(self._ids, device.id)
        self._ring = None

    def drop(self, device: Device) -> None:
        for key in (device.id, device.id.raw, device.verify_key, device.wireguard_key):
            del self.by_key[key]
        del self.by_key[device.name], self.by_key[device.ipv6]
        if device.ipv4 is not None:
            del self.by_key[device.ipv4]
        del self._ids[bisect_left(self._ids, device.id)]
        self._ring = None


@dataclass(frozen=True, slots=True)
class Roster:
    """Devices, anchors, invites and rejections in the order of the fold.

    What counts, finds or lists the roster's own (``len``, ``in``, ``device``) means devices.
    """

    network: NetworkId
    network_name: str
    ipv4_range: IPv4Network
    devices: tuple[Device, ...]
    invites: tuple[Invite, ...]
    rejections: tuple[Rejection, ...]
    newer: tuple[StatementHash, ...]
    """Statements by members, of kinds that this version does not know."""
    anchors: tuple[Anchor, ...]
    removed: tuple[Removed, ...]
    """Revoked, or gone by themselves."""
    renames: tuple[Rename, ...]
    rekeys: tuple[Rekey, ...]
    """Those that count."""
    void_rekeys: tuple[Rekey, ...]
    """Those whose authors had been removed, unknown to them: some may have gone over."""
    rekey: Rekey | None
    """What began the current generation: of those that know all who are out, the last with the
    greatest number. None if there is none: the network is in its first generation, unless
    ``needs_rekey``."""
    needs_rekey: bool
    """Somebody who is out, or a key that was replaced, may have the newest secret, or no rekey says
    which of those in use is the current one: an admin must begin a generation."""
    successions: tuple[Succession, ...]
    """Keys that devices have replaced by others, in the order of the fold."""
    extra_names: tuple[ExtraName, ...]
    """Names that are no devices', in the order in which they came."""
    _index: DeviceIndex = field(repr=False, compare=False)
    _invites: dict[tuple[InvitePublicKey, Role], Invite] = field(
        init=False, repr=False, compare=False
    )
    _anchors: dict[object, Anchor] = field(init=False, repr=False, compare=False)

    _heirs: dict[object, VerifyKey] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # The first statement of an invite key counts, as in the fold.
        invites = {(invite.key, invite.role): invite for invite in reversed(self.invites)}
        object.__setattr__(self, "_invites", invites)
        anchors: dict[object, Anchor] = {}
        for each in self.anchors:
            anchors |= dict.fromkeys((each.id, each.id.raw, each.verify_key), each)
        object.__setattr__(self, "_anchors", anchors)
        heirs: dict[object, VerifyKey] = {}
        for succession in self.successions:
            heirs |= dict.fromkeys((succession.old, succession.old.device_id), succession.new)
        object.__setattr__(self, "_heirs", heirs)

    @property
    def ipv6_subnet(self) -> IPv6Network:
        return ipv6_subnet(self.network)

    def device(
        self, key: DeviceId | VerifyKey | WireGuardPublicKey | IPv4Address | IPv6Address
    ) -> Device | None:
        """The member with this id, key or mesh address."""
        return self._index.by_key.get(key)

    def named(self, name: str) -> Device | None:
        """The member with this name: ``nas``, ``nas.home`` or ``nas.home.internal``."""
        label, _, domain = name.lower().rstrip(".").partition(".")
        if domain not in ("", self.network_name, f"{self.network_name}.{DOMAIN}"):
            return None
        return self._index.by_key.get(label)

    def extra_name(self, label: str) -> ExtraName | None:
        """What a name stands for that is no device's."""
        return next((each for each in self.extra_names if each.name == label), None)

    def neighbourhood(self, device: DeviceId) -> tuple[DeviceId, ...]:
        """The members that a device keeps a path to: all of a small network."""
        return self._index.ring.neighbourhood(device)

    def are_neighbours(self, one: DeviceId, other: DeviceId) -> bool:
        """Whether two members keep a path to each other; never a device and itself."""
        return self._index.ring.are_neighbours(one, other)

    def steps_between(self, one: DeviceId, other: DeviceId) -> int:
        """How many steps from neighbour to neighbour lead from one member to another."""
        return self._index.ring.steps_between(one, other)

    def invite(self, key: InvitePublicKey, role: Role = Role.DEVICE) -> Invite | None:
        return self._invites.get((key, role))

    def anchor(self, key: DeviceId | VerifyKey) -> Anchor | None:
        """The anchor with this id or key."""
        return self._anchors.get(key)

    def removal(self, key: VerifyKey) -> Removed | None:
        """What put a key out, if something did."""
        return next((each for each in self.removed if each.verify_key == key), None)

    def successor(self, key: VerifyKey | DeviceId) -> VerifyKey | None:
        """The key by which a device goes on that had this key or id; None if it has it yet."""
        heir, step = None, self._heirs.get(key)
        while step is not None:
            heir, step = step, self._heirs.get(step)
        return heir

    def name_of(self, device: DeviceId) -> str:
        """What a device or an anchor is called, or was; its id where it never had a name."""
        known = self.device(self.successor(device) or device) or self.anchor(device)
        gone = (each.name for each in self.removed if each.id == device)
        return known.name if known is not None else next(gone, "") or str(device)

    def refuse_newer(self) -> None:
        """Raise StateError if the log holds what this version cannot judge (a revocation, say)."""
        if self.newer:
            raise StateError(
                f"network {self.network_name!r} is administered by a newer version of meshdht: "
                f"its membership log has {len(self.newer)} statements unknown to this version",
                "update meshdht on this device; nothing was changed",
            )

    def refuse_without(self, device: Device) -> None:
        """Raise UsageError if there would be no admin without this device."""
        if device.admin and sum(each.admin for each in self) == 1:
            raise UsageError(
                f"{device.name} is the only admin: without it nobody could invite or revoke",
                "make another device an admin first: meshdht admin add DEVICE",
            )

    def has_node(self, node_id: bytes) -> bool:
        """Whether a member or an anchor has this id in the DHT."""
        return self.has_member_node(node_id) or node_id in self._anchors

    def has_member_node(self, node_id: bytes) -> bool:
        """Whether a member has this id in the DHT."""
        return node_id in self._index.by_key

    def __contains__(self, device: DeviceId) -> bool:
        return device in self._index.by_key

    def __iter__(self) -> Iterator[Device]:
        return iter(self.devices)

    def __len__(self) -> int:
        return len(self.devices)
