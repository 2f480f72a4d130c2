"""What travels over the Unix socket about the devices of the roster, as ``messages`` says it of
the rest. Where a request names a device, it does so by name, id or mesh address."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from meshdht.api.version import API_VERSION

DeviceName = Annotated[str, Meta(min_length=1, max_length=64)]
Tag = Annotated[str, Meta(min_length=1, max_length=63)]


class Device(Struct, frozen=True, kw_only=True):
    """A line of the roster; ``joined`` is None where the log does not say, ``expires`` where it
    stays until it is put out. After ``ephemeral_s`` seconds offline it is put out; 0: not.
    ``signing_key`` (in hex) is what its id is the hash of, ``wireguard_key`` (in base64, as wg(8)
    prints it) what its tunnels are made with; ``release`` is what it says that it runs, empty while
    it has not said."""

    name: str
    id: str
    addresses: tuple[str, ...]
    admin: bool
    online: bool
    this_device: bool
    joined: int | None = None
    tags: tuple[str, ...] = ()
    expires: int | None = None
    ephemeral_s: int = 0
    signing_key: str = ""
    wireguard_key: str = ""
    release: str = ""


class Devices(Struct, frozen=True, kw_only=True):
    """Every device that the membership log admits, this one included; or those asked for."""

    version: int = API_VERSION
    network: str
    devices: tuple[Device, ...]


class ChangedDevice(Struct, frozen=True, kw_only=True):
    """A device as it is now. ``changed`` is False where it was so before, and nothing was done."""

    version: int = API_VERSION
    network: str
    device: Device
    changed: bool


class ReplacedKeys(Struct, frozen=True, kw_only=True):
    """The device ``name`` has the id ``id`` from now on, and had ``former`` before."""

    version: int = API_VERSION
    network: str
    name: str
    id: str
    former: str


class GetDevices(Struct, frozen=True, tag="devices"):
    """Asks for the Devices."""


class RenameDevice(Struct, frozen=True, kw_only=True, tag="rename_device"):
    """Asks to call a device ``name``: an admin's device, or the device itself."""

    device: DeviceName
    name: Annotated[str, Meta(max_length=63)]


class TagDevice(Struct, frozen=True, kw_only=True, tag="tag_device"):
    """Asks an admin's device to tag a device with these tags and no others."""

    device: DeviceName
    tags: Annotated[tuple[Tag, ...], Meta(max_length=64)]


class ExpireDevice(Struct, frozen=True, kw_only=True, tag="expire_device"):
    """Asks an admin's device to have a device put out after so many seconds; None: never."""

    device: DeviceName
    after_s: Annotated[int, Meta(ge=1, le=366 * 86400)] | None


class GrantAdmin(Struct, frozen=True, kw_only=True, tag="grant_admin"):
    """Asks an admin's device to make a device an admin."""

    device: DeviceName


class RemoveAdmin(Struct, frozen=True, kw_only=True, tag="remove_admin"):
    """Asks an admin's device to take admin from a device, which stays a member."""

    device: DeviceName


class Recover(Struct, frozen=True, kw_only=True, tag="recover"):
    """Asks to make the device that is asked an admin, senior to all, by the network's recovery
    key."""

    key: Annotated[str, Meta(max_length=256)]

    def __repr__(self) -> str:
        return "Recover(key=<secret>)"


class ReplaceKeys(Struct, frozen=True, tag="replace_keys"):
    """Asks the daemon to replace its device's keys by fresh ones, and to start again by them."""


DeviceChange = RenameDevice | TagDevice | ExpireDevice | GrantAdmin | RemoveAdmin
DeviceRequest = GetDevices | DeviceChange | Recover | ReplaceKeys


class DevicesReply(Struct, frozen=True, tag="devices"):
    """Answers GetDevices."""

    devices: Devices


class ChangedDeviceReply(Struct, frozen=True, tag="changed_device"):
    """Answers what changes a device, once it is on disk and the connected devices are told."""

    changed: ChangedDevice


class ReplacedKeysReply(Struct, frozen=True, tag="replaced_keys"):
    """Answers ReplaceKeys; then the daemon hangs up, and comes back by the new keys."""

    replaced: ReplacedKeys


DeviceReply = DevicesReply | ChangedDeviceReply | ReplacedKeysReply
