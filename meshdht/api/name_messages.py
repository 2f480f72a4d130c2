"""What travels over the Unix socket about the names of a network, as ``messages`` says it of the
rest."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from meshdht.api.version import API_VERSION

Means = Literal["systemd-resolved", "resolvconf", "resolv.conf", "none", "off"]


class NamesStatus(Struct, frozen=True, kw_only=True):
    """``zone`` is ``home.internal``. ``means`` is how the programs of this machine come to ask
    ``server`` (address and port, empty while there is none): through systemd-resolved or
    resolvconf, since somebody wrote it in resolv.conf, or not at all; ``off``: it is not to be.
    ``trouble`` is why a better way failed, or empty."""

    zone: str = ""
    means: Means = "off"
    server: str = ""
    trouble: str = ""


NameKind = Literal["A", "AAAA", "CNAME"]


class NameEntry(Struct, frozen=True, kw_only=True):
    """One record: ``value`` is an address, or of a CNAME the whole name that it stands for. It is a
    ``device``'s, or was added ``by`` an admin, at ``since`` (Unix seconds)."""

    name: str
    kind: NameKind
    value: str
    device: bool = False
    by: str = ""
    since: int | None = None


class Names(Struct, frozen=True, kw_only=True):
    """All names of the network: of devices, and those that admins added."""

    version: int = API_VERSION
    network: str
    zone: str
    names: tuple[NameEntry, ...]


class ChangedName(Struct, frozen=True, kw_only=True):
    """What a name stands for now. ``changed`` is False where it was so before."""

    version: int = API_VERSION
    network: str
    zone: str
    name: str
    entries: tuple[NameEntry, ...]
    changed: bool


class GetNames(Struct, frozen=True, tag="names"):
    """Asks for the Names."""


class AddName(Struct, frozen=True, kw_only=True, tag="add_name"):
    """Asks an admin's device to have a name stand for an address, or for another name, besides what
    it stands for; of that kind, if one is named."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    value: Annotated[str, Meta(min_length=1, max_length=255)]
    kind: NameKind | None = None


class RemoveName(Struct, frozen=True, kw_only=True, tag="remove_name"):
    """Asks an admin's device to take a name away, or only what it stands for by ``value``."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    value: Annotated[str, Meta(min_length=1, max_length=255)] | None = None


class NamesReply(Struct, frozen=True, tag="names"):
    """Answers GetNames."""

    names: Names


class ChangedNameReply(Struct, frozen=True, tag="changed_name"):
    """Answers what changes a name, once it is on disk and the connected devices are told."""

    changed: ChangedName


NameChange = AddName | RemoveName
NameRequest = GetNames | NameChange
NameReply = NamesReply | ChangedNameReply
