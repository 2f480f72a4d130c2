"""The devices and anchors that the statements let in, with their names and addresses.

Names and addresses are given out in the order of the fold. What is removed keeps its own from
those that did not know of the removal; one that did may have its name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from meshdht.crypto.keys import NetworkId, VerifyKey, WireGuardPublicKey
from meshdht.limits import EXTRA_NAMES_MAX
from meshdht.membership.addresses import AddressTable, ipv6_address
from meshdht.membership.administration import NameBody, SucceedBody
from meshdht.membership.anchor_claims import AnchorClaim
from meshdht.membership.extra_names import ExtraName
from meshdht.membership.names import NameTable
from meshdht.membership.removals import NOW, Ruling
from meshdht.membership.roster import Anchor, Device, DeviceIndex, Rename, Succession
from meshdht.membership.statements import GenesisBody, Statement


class People:
    """Who is in, and who was."""

    def __init__(self, network: NetworkId, body: GenesisBody, ruling: Ruling) -> None:
        self.devices: dict[VerifyKey, Device] = {}
        self.anchors: dict[VerifyKey, Anchor] = {}
        self.gone: dict[VerifyKey, Device | Anchor] = {}
        """Were in until they were removed."""
        self.admins: set[VerifyKey] = set()
        self.renames: list[Rename] = []
        self.successions: list[Succession] = []
        self.index = DeviceIndex()
        self.extra_names: dict[str, ExtraName] = {}
        self._heirs: dict[VerifyKey, VerifyKey] = {}
        self._successors: set[VerifyKey] = set()
        self._network = network
        self._ruling = ruling
        self._names = NameTable()
        self._holders: dict[str, VerifyKey] = {}
        self._anchor_names = NameTable()
        self._addresses = AddressTable(body.ipv4_range)
        self._wireguard_keys: set[WireGuardPublicKey] = set()

    def find(self, key: VerifyKey) -> Device | Anchor | None:
        """Who has a key, or had."""
        key = self.latest(key)
        return self.devices.get(key) or self.anchors.get(key) or self.gone.get(key)

    def is_in(self, key: VerifyKey) -> bool:
        key = self.latest(key)
        return key in self.devices or key in self.anchors

    def latest(self, key: VerifyKey) -> VerifyKey:
        """The key by which the device of ``key`` goes on."""
        while (heir := self._heirs.get(key)) is not None:
            key = heir
        return key

    def has_succeeded(self, key: VerifyKey) -> bool:
        """Whether a device has gone on by this key."""
        return key in self._successors

    def has_tunnel(self, wireguard_key: WireGuardPublicKey) -> bool:
        """Whether it is a device's: WireGuard could not tell two with one key apart."""
        return wireguard_key in self._wireguard_keys

    def let_in(
        self,
        statement: Statement,
        place: int,
        past: int,
        key: VerifyKey,
        wireguard_key: WireGuardPublicKey,
        name: str,
    ) -> None:
        """A device comes in by a statement, and asks for a name."""
        self._wireguard_keys.add(wireguard_key)
        device = Device(
            id=key.device_id,
            verify_key=key,
            wireguard_key=wireguard_key,
            name=self._name(key, name, place, past),
            ipv4=self._addresses.take(key),
            ipv6=ipv6_address(self._network, key),
            admin=False,
            admitted_at=statement.unix_ms // 1000,
            admission=statement.hash,
        )
        if self._ruling.ends_member(key, NOW):
            self.gone[key] = device
        else:
            self.devices[key] = device
            self.index.add(device)

    def let_anchor_in(self, statement: Statement, claim: AnchorClaim, inviter: VerifyKey) -> None:
        key = claim.anchor
        home = self.gone if self._ruling.ends_member(key, NOW) else self.anchors
        home[key] = Anchor(
            id=key.device_id,
            verify_key=key,
            name=self._anchor_names.take(claim.name),
            added_by=inviter.device_id,
            admitted_at=statement.unix_ms // 1000,
        )

    def put_out(self, key: VerifyKey) -> None:
        """A device or an anchor is removed, if it is in."""
        key = self.latest(key)
        gone = self.devices.pop(key, None) or self.anchors.pop(key, None)
        if gone is not None:
            self.gone[key] = gone
        if isinstance(gone, Device):
            self.index.drop(gone)
        self.admins.discard(key)

    def succeed(self, statement: Statement, body: SucceedBody) -> None:
        """A device goes on by other keys, as what it was. A WireGuard key that is another's by
        now stays that one's."""
        old, new = statement.author, body.device
        was = self.devices.get(old) or self.gone.get(old)
        changes: dict[str, Any] = {
            "id": new.device_id,
            "verify_key": new,
            "admission": statement.hash,
        }
        if not self.has_tunnel(body.wireguard_key):
            self._wireguard_keys.add(body.wireguard_key)
            changes["wireguard_key"] = body.wireguard_key
        self.put_out(new)
        if isinstance(was, Device):
            self.edit(old, **changes)
            if self._holders.get(was.name) == old:
                self._holders[was.name] = new
        # In its place: the order of the roster is that of the admissions.
        self.devices = {new if key == old else key: each for key, each in self.devices.items()}
        self.gone = {new if key == old else key: each for key, each in self.gone.items()}
        if old in self.admins:
            self.admins.remove(old)
            self.admins.add(new)
        self._heirs[old] = new
        self._successors.add(new)
        self.successions.append(Succession(statement.hash, old, new, statement.unix_ms // 1000))
        if self._ruling.ends_member(new, NOW):
            self.put_out(new)

    def seat(self, key: VerifyKey, grant: Statement) -> None:
        """A device becomes an admin by a grant, if it is in."""
        key = self.latest(key)
        if key in self.devices:
            self.admins.add(key)
            self.edit(key, admin=True, granted=grant.hash)

    def unseat(self, key: VerifyKey) -> None:
        key = self.latest(key)
        self.admins.discard(key)
        self.edit(key, admin=False, granted=None)

    def rename(
        self, statement: Statement, key: VerifyKey, asked: str, place: int, past: int
    ) -> None:
        """A device gives its name back, and takes another."""
        key = self.latest(key)
        device = self.devices.get(key) or self.gone[key]
        self.renames.append(Rename(statement.hash, key, device.name))
        if self._holders.get(device.name) == key:
            self._names.release(device.name)
            del self._holders[device.name]
        self.edit(key, name=self._name(key, asked, place, past))

    def name_extra(self, statement: Statement, body: NameBody, place: int, past: int) -> str:
        """A name stands for something else than a device, or no longer. Returns why not, or an
        empty text. A device that is out keeps its name only from those that did not know."""
        name, targets = body.name, body.targets
        if name not in self.extra_names and targets:
            holder = self._holders.get(name)
            if holder is not None and self._ruling.ends_member(holder, place, past):
                self._names.release(name)
            if self._names.is_taken(name):
                return "a device is called so"
            if len(self.extra_names) >= EXTRA_NAMES_MAX:
                return "there are too many names"
            self._holders.pop(self._names.take(name), None)
        elif name in self.extra_names and not targets:
            del self.extra_names[name]
            self._names.release(name)
        if targets:
            by, written_at = statement.author.device_id, statement.unix_ms // 1000
            self.extra_names[name] = ExtraName(name, targets, by, written_at)
        return ""

    def edit(self, key: VerifyKey, **changes: Any) -> None:
        """Change what is said of a device, in or gone."""
        key = self.latest(key)
        device, gone = self.devices.get(key), self.gone.get(key)
        if device is not None:
            self.index.drop(device)
            device = self.devices[key] = replace(device, **changes)
            self.index.add(device)
        elif isinstance(gone, Device):
            self.gone[key] = replace(gone, **changes)

    def _name(self, key: VerifyKey, asked: str, place: int, past: int) -> str:
        holder = self._holders.get(asked)
        if holder is not None and self._ruling.ends_member(holder, place, past):
            self._names.release(asked)
        name = self._names.take(asked)
        self._holders[name] = key
        return name
