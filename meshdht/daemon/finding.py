"""Whom a request means, and whether this device may do what it asks."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from ipaddress import ip_address

from meshdht.crypto.keys import DeviceId
from meshdht.errors import Malformed, MeshdhtError, UsageError
from meshdht.membership.roster import Anchor, Device, Invite
from meshdht.node.node import Node

# So many invites are named at most, the newest: a list that helps.
NAMED_MAX = 8


class Finder:
    """Looks into the roster of ``node``; ``network`` is the name that it goes by here."""

    def __init__(self, network: str, node: Node) -> None:
        self.network = network
        self._node = node

    def own(self) -> Device:
        """This device; raises MeshdhtError if it is no member any more."""
        own = self._node.own
        if own is None:
            raise MeshdhtError(
                f"this device is not a member of {self.network!r} any more",
                "ask for a new link: meshdht invite, on a device of the network",
            )
        return own

    def admin(self, what: str) -> Device:
        """This device, if it is an admin; raises MeshdhtError that names those who are."""
        own = self.own()
        if not own.admin:
            admins = ", ".join(device.name for device in self._node.roster if device.admin)
            raise MeshdhtError(f"only an admin may {what}", f"run it on one of: {admins}")
        return own

    def device(self, text: str) -> Device:
        """The device by name, id or mesh address; raises UsageError that names the known ones."""
        return self.find(text) or self._unknown(text, self._node.roster.devices)

    def peer(self, text: str) -> Device:
        """The same, of the devices other than this one."""
        own = self.own()
        others = tuple(device for device in self._node.roster if device.id != own.id)
        found = self.find(text) or self._unknown(text, others)
        if found.id == own.id:
            raise UsageError(f"{text!r} is this device", "name another one: meshdht peers")
        return found

    def anchor(self, text: str) -> Anchor | None:
        """The anchor by name or id, where no device goes by that name."""
        if self._node.roster.named(text) is not None:
            return None
        anchors = self._node.roster.anchors
        return next((each for each in anchors if text in (each.name, str(each.id))), None)

    def invite(self, text: str) -> Invite:
        """The invite whose key begins so in hex; raises UsageError that names those there are."""
        invites = self._node.roster.invites
        found = [each for each in invites if each.key.raw.hex().startswith(text.lower())]
        if len({each.key for each in found}) == 1:
            return found[0]
        fault = "several invites begin with" if found else "no invite begins with"
        some = ", ".join(invite_id(each) for each in found or invites[-NAMED_MAX:])
        raise UsageError(f"{fault} {text!r}", f"meshdht invites lists them: {some}".rstrip(": "))

    def find(self, text: str) -> Device | None:
        """The device by name, id or mesh address, if there is one."""
        roster = self._node.roster
        found = roster.named(text)
        if found is None:
            try:
                found = roster.device(DeviceId.parse(text))
            except Malformed:
                found = None
        if found is None:
            try:
                found = roster.device(ip_address(text))
            except ValueError:
                found = None
        return found

    def _unknown(self, text: str, known: tuple[Device, ...]) -> Device:
        raise UsageError(
            f"no device {text!r} in network {self.network!r}",
            names_meant(text, [device.name for device in known]) or "invite one: meshdht invite",
        )


def names_meant(text: str, names: Sequence[str]) -> str:
    """For who named none of them: which was meant, or which there are; empty without any."""
    if close := difflib.get_close_matches(text.lower(), names, n=1):
        return f"did you mean {close[0]}?"
    some = ", ".join(names[:NAMED_MAX])
    more = len(names) - NAMED_MAX
    known = f"{some} and {more} more" if more > 0 else some
    return f"known are: {known}" if known else ""


def invite_id(invite: Invite) -> str:
    """What an invite is called: the beginning of its key."""
    return invite.key.raw[:4].hex()
