"""WireGuard in the kernel, through generic netlink (<linux/wireguard.h>) by pyroute2.

Devices are named by their index, which outlives a renaming. pyroute2 takes 0.2 s to import, so
that happens in a thread while the daemon starts.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import importlib
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from meshdht.crypto.keys import PresharedKey, WireGuardPrivateKey, WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.engine.backend import IPNetwork
from meshdht.engine.kernel_dump import KernelDevice, peers_of

_PEER_REMOVE = 1
_PEER_REPLACE_ALLOWED_IPS = 2
_PEER_UPDATE_ONLY = 4

# enum wgdevice_attribute
_ANSWER = (
    ("WGDEVICE_A_UNSPEC", "none"),
    ("WGDEVICE_A_IFINDEX", "uint32"),
    ("WGDEVICE_A_IFNAME", "asciiz"),
    ("WGDEVICE_A_PRIVATE_KEY", "none"),
    ("WGDEVICE_A_PUBLIC_KEY", "none"),
    ("WGDEVICE_A_FLAGS", "uint32"),
    ("WGDEVICE_A_LISTEN_PORT", "uint16"),
    ("WGDEVICE_A_FWMARK", "uint32"),
    ("WGDEVICE_A_PEERS", "cdata"),
)

# <linux/netlink.h>
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300


@dataclass(frozen=True, slots=True)
class PeerChange:
    """What to change of a peer; None leaves a thing as it is."""

    public_key: WireGuardPublicKey
    preshared_key: PresharedKey | None = None
    allowed_ips: tuple[IPNetwork, ...] | None = None
    endpoint: Endpoint | None = None
    keepalive_s: int | None = None
    only_if_present: bool = True
    replaces_allowed_ips: bool = False
    removes: bool = False


class KernelWireGuard:
    """One netlink socket on the running loop; ``open_kernel_wireguard`` makes it. Every verb
    raises OSError: ENODEV if there is no such interface (any more)."""

    def __init__(self, sock: Any, message: type[Any], netlink_error: type[Exception]) -> None:
        self._socket = sock
        self._message = message
        self._error = netlink_error
        self._one_by_one = asyncio.Lock()

    async def device(self, index: int) -> KernelDevice:
        """The interface and all its peers."""
        return device_of(await self._talk(index, 0, [], _REQUEST | _DUMP))

    async def set_device(
        self,
        index: int,
        *,
        private_key: WireGuardPrivateKey | None = None,
        listen_port: int | None = None,
    ) -> None:
        """Change what is given. The key or port that the interface has already costs nothing."""
        attributes: list[list[Any]] = []
        if private_key is not None:
            attributes.append(["WGDEVICE_A_PRIVATE_KEY", base64.b64encode(clamped(private_key))])
        if listen_port is not None:
            attributes.append(["WGDEVICE_A_LISTEN_PORT", listen_port])
        await self._talk(index, 1, attributes, _REQUEST | _ACK)

    async def set_peer(self, index: int, change: PeerChange) -> None:
        """Make, change or remove a peer. Its session stays, unless it is removed."""
        peers = [{"attrs": peer_attributes(change)}]
        await self._talk(index, 1, [["WGDEVICE_A_PEERS", peers]], _REQUEST | _ACK)

    def close(self) -> None:
        self._socket.close()

    async def _talk(
        self, index: int, command: int, attributes: list[list[Any]], flags: int
    ) -> list[Any]:
        message = self._message()
        message["cmd"] = command
        message["version"] = 1
        message["attrs"] = [["WGDEVICE_A_IFINDEX", index], *attributes]
        try:
            async with self._one_by_one:
                answer = await self._socket.nlm_request(
                    message, msg_type=self._socket.prid, msg_flags=flags
                )
                return [part async for part in answer]
        except self._error as error:
            code = int(getattr(error, "code", 0) or errno.EIO)
            raise OSError(code, os.strerror(code)) from None


async def open_kernel_wireguard() -> KernelWireGuard:
    """Raises OSError: ENOENT if the kernel has no WireGuard (or has not loaded it)."""
    pyroute2 = await asyncio.to_thread(importlib.import_module, "pyroute2")
    wireguard = await asyncio.to_thread(
        importlib.import_module, "pyroute2.netlink.generic.wireguard"
    )

    class Quiet(wireguard.AsyncWireGuard):  # type: ignore[misc,name-defined]
        # pyroute2 would log what we raise.
        module_err_level = "debug"

    sock = Quiet()
    try:
        await sock.setup_endpoint()
        sock.marshal.msg_map[sock.prid] = answer_of(pyroute2.netlink.genlmsg)
    except pyroute2.NetlinkError as error:
        sock.close()
        raise OSError(error.code, os.strerror(error.code)) from None
    return KernelWireGuard(sock, wireguard.wgmsg, pyroute2.NetlinkError)


def answer_of(message: type[Any]) -> type[Any]:
    """What pyroute2 is to make of an answer, from its general message of generic netlink: the
    peers stay bytes (see kernel_dump.py), the private key is not looked at."""
    return type("Answer", (message,), {"prefix": "WGDEVICE_A_", "nla_map": _ANSWER})


def clamped(private_key: WireGuardPrivateKey) -> bytes:
    """The key as X25519 uses it (RFC 7748, section 5), and as the kernel keeps it: it takes any
    other form for another key, and ends every session."""
    raw = bytearray(private_key.raw)
    raw[0] &= 248
    raw[31] = raw[31] & 127 | 64
    return bytes(raw)


def peer_attributes(change: PeerChange) -> list[list[Any]]:
    """The change as pyroute2 takes the attributes of one peer."""
    flags = (
        _PEER_REMOVE * change.removes
        | _PEER_REPLACE_ALLOWED_IPS * change.replaces_allowed_ips
        | _PEER_UPDATE_ONLY * change.only_if_present
    )
    found: list[list[Any]] = [
        ["WGPEER_A_PUBLIC_KEY", base64.b64encode(change.public_key.raw)],
        ["WGPEER_A_FLAGS", flags],
    ]
    if change.preshared_key is not None:
        found.append(["WGPEER_A_PRESHARED_KEY", base64.b64encode(change.preshared_key.raw)])
    if change.endpoint is not None:
        host, port = change.endpoint
        found.append(["WGPEER_A_ENDPOINT", {"addr": host, "port": port}])
    if change.keepalive_s is not None:
        found.append(["WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL", change.keepalive_s])
    if change.allowed_ips is not None:
        networks = [{"attrs": _allowed_ip(network)} for network in change.allowed_ips]
        found.append(["WGPEER_A_ALLOWEDIPS", networks])
    return found


def _allowed_ip(network: IPNetwork) -> list[list[Any]]:
    family = socket.AF_INET if network.version == 4 else socket.AF_INET6
    return [
        ["WGALLOWEDIP_A_FAMILY", int(family)],
        ["WGALLOWEDIP_A_IPADDR", network.network_address.packed],
        ["WGALLOWEDIP_A_CIDR_MASK", network.prefixlen],
    ]


def device_of(parts: Iterable[Any]) -> KernelDevice:
    """The interface from the messages of its dump."""
    port = 0
    peers: list[bytes] = []
    for part in parts:
        port = port or part.get_attr("WGDEVICE_A_LISTEN_PORT") or 0
        peers.append(part.get_attr("WGDEVICE_A_PEERS") or b"")
    return KernelDevice(port, peers_of(peers))
