"""The devices and anchors that the statements let in, with their names and addresses.

Names and addresses are given out in the order of the fold. What is removed keeps its own from
those that did not know of the removal; one that did may have its name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from meshdht.crypto.keys import NetworkId, VerifyKey, WireGuardPublicKey
from meshdht.membership.addresses import AddressTable, ipv6_address
from meshdht.membership.anchor_claims import AnchorClaim
from meshdht.membership.names import NameTable
from meshdht.membership.removals import NOW, Ruling
from meshdht.membership.roster import Anchor, Device, DeviceIndex, Rename
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
        self.index = DeviceIndex()
        self._network = network
        self._ruling = ruling
        self._names = NameTable()
        self._holders: dict[str, VerifyKey] = {}
        self._anchor_names = NameTable()
        self._addresses = AddressTable(body.ipv4_range)
        self._wireguard_keys: set[WireGuardPublicKey] = set()

    def find(self, key: VerifyKey) -> Device | Anchor | None:
        """Who has a key, or had."""
        return self.devices.get(key) or self.anchors.get(key) or self.gone.get(key)

    def is_in(self, key: VerifyKey) -> bool:
        return key in self.devices or key in self.anchors

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
        gone = self.devices.pop(key, None) or self.anchors.pop(key, None)
        if gone is not None:
            self.gone[key] = gone
        if isinstance(gone, Device):
            self.index.drop(gone)
        self.admins.discard(key)

    def seat(self, key: VerifyKey, grant: Statement) -> None:
        """A device becomes an admin by a grant, if it is in."""
        if key in self.devices:
            self.admins.add(key)
            self.edit(key, admin=True, granted=grant.hash)

    def unseat(self, key: VerifyKey) -> None:
        self.admins.discard(key)
        self.edit(key, admin=False, granted=None)

    def rename(
        self, statement: Statement, key: VerifyKey, asked: str, place: int, past: int
    ) -> None:
        """A device gives its name back, and takes another."""
        device = self.devices.get(key) or self.gone[key]
        self.renames.append(Rename(statement.hash, key, device.name))
        if self._holders.get(device.name) == key:
            self._names.release(device.name)
            del self._holders[device.name]
        self.edit(key, name=self._name(key, asked, place, past))

    def edit(self, key: VerifyKey, **changes: Any) -> None:
        """Change what is said of a device, in or gone."""
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
