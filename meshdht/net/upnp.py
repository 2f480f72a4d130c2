"""A UPnP router (InternetGatewayDevice 1 and 2), through async-upnp-client: ports of IPv4, holes in
the firewall of IPv6.

The library takes half a second and 15 MB to import, so whoever uses this module imports it only
once a router has answered a search, and in a thread.

What the router says is not trusted: its answers are bounded, nothing is asked of another machine,
and whatever the library makes of them (it raises all kinds of errors) is a RemoteError here.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import Any, Self

import aiohttp
from async_upnp_client.client import UpnpRequester, UpnpService
from async_upnp_client.client_factory import UpnpFactory
from async_upnp_client.const import HttpRequest, HttpResponse
from async_upnp_client.exceptions import UpnpActionError

from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed, Refused, RemoteError
from meshdht.limits import UPNP_BODY_MAX, UPNP_REQUESTS_MAX
from meshdht.net.gateway import Gateway
from meshdht.wire.port_mapping import Transport
from meshdht.wire.ssdp import is_at

REQUEST_TIMEOUT_S = 4.0

_SERVICES = tuple(
    f"urn:schemas-upnp-org:service:{each}"
    for each in ("WANIPConnection:2", "WANIPConnection:1", "WANPPPConnection:1")
)
_FIREWALL = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"
_CHUNK = 16 * 1024
_DESCRIPTION = "meshdht"

# WANIPConnection:2, section 2.5; WANIPConnection:1, section 2.4
_CONFLICT = 718
_ONLY_PERMANENT_LEASES = 725
_CONFLICT_WITH_OTHER = 729
# WANIPv6FirewallControl:1, section 2.6
_NO_SUCH_ENTRY = 704

# It would write the router's words to our log.
logging.getLogger("async_upnp_client").setLevel(logging.CRITICAL)


class PortTaken(Refused):
    """The outer port belongs to another machine."""


class UpnpRouter:
    """``connect`` first; every verb raises RemoteError for what a router does not do."""

    def __init__(self, service: UpnpService, transport: Transport) -> None:
        self._service = service
        self._transport = transport.name

    @classmethod
    async def connect(
        cls, location: str, gateway: Gateway, transport: Transport = Transport.UDP
    ) -> Self:
        """Read the description; Malformed if it is none of a router with an outside."""
        services = await _services(location, gateway)
        for kind in _SERVICES:
            if kind in services and services[kind].has_action("AddPortMapping"):
                return cls(services[kind], transport)
        raise Malformed("no service that maps ports")

    async def outer_address(self) -> str:
        result = await self._call("GetExternalIPAddress")
        with _explained():
            return str(IPv4Address(result["NewExternalIPAddress"]))

    async def holder(self, outer_port: int) -> Endpoint | None:
        """To whom an outer port leads; None if it leads nowhere, or nobody may know."""
        try:
            result = await self._call(
                "GetSpecificPortMappingEntry",
                NewRemoteHost="",
                NewExternalPort=outer_port,
                NewProtocol=self._transport,
            )
        except Refused:
            return None
        with _explained():
            host = str(IPv4Address(result["NewInternalClient"]))
            return Endpoint(host, int(result["NewInternalPort"]))

    async def add(self, inner: Endpoint, outer_port: int, lifetime_s: int) -> int:
        """Map an outer port, or with a router of version 2 another where it is taken; returns it.
        PortTaken, if it belongs to another machine. Mapping it again renews it."""
        if await self.holder(outer_port) not in (None, inner):
            # Routers there are that would just take it away from the other.
            raise PortTaken("the outer port belongs to another machine")
        verb = "AddPortMapping"
        if self._service.has_action("AddAnyPortMapping"):
            verb = "AddAnyPortMapping"
        asked: dict[str, Any] = {
            "NewRemoteHost": "",
            "NewExternalPort": outer_port,
            "NewProtocol": self._transport,
            "NewInternalPort": inner.port,
            "NewInternalClient": inner.host,
            "NewEnabled": True,
            "NewPortMappingDescription": _DESCRIPTION,
            "NewLeaseDuration": lifetime_s,
        }
        try:
            result = await self._call(verb, **asked)
        except _Fault as fault:
            if fault.code in (_CONFLICT, _CONFLICT_WITH_OTHER):
                raise PortTaken(fault.reason) from None
            if fault.code != _ONLY_PERMANENT_LEASES:
                raise
            result = await self._call(verb, **{**asked, "NewLeaseDuration": 0})
        reserved = result.get("NewReservedPort", outer_port)
        if not isinstance(reserved, int) or not 0 < reserved <= 65535:
            raise Malformed("a port that is none")
        return reserved

    async def delete(self, outer_port: int) -> None:
        await self._call(
            "DeletePortMapping",
            NewRemoteHost="",
            NewExternalPort=outer_port,
            NewProtocol=self._transport,
        )

    async def _call(self, verb: str, **arguments: Any) -> Mapping[str, Any]:
        return await _called(self._service, verb, arguments)


class UpnpFirewall:
    """A router that lets IPv6 in by a hole: the same verbs. The outside is what is inside."""

    def __init__(self, service: UpnpService, inner: str, transport: Transport) -> None:
        self._service = service
        self._inner = inner
        self._transport = transport
        self._hole: int | None = None

    @classmethod
    async def connect(
        cls, location: str, gateway: Gateway, transport: Transport = Transport.UDP
    ) -> Self:
        """Read the description; Malformed if it is none of a router that makes holes."""
        services = await _services(location, gateway)
        if _FIREWALL not in services or not services[_FIREWALL].has_action("AddPinhole"):
            raise Malformed("no service that lets IPv6 in")
        return cls(services[_FIREWALL], gateway.inner, transport)

    async def outer_address(self) -> str:
        """Refused, if there will be no hole."""
        status = await _called(self._service, "GetFirewallStatus", {})
        if not status.get("InboundPinholeAllowed"):
            raise Refused("the router lets nobody make holes")
        return self._inner

    async def add(self, inner: Endpoint, outer_port: int, lifetime_s: int) -> int:
        """Make the hole, or have it last for so much longer; returns our port."""
        if self._hole is not None:
            try:
                renewed = {"UniqueID": self._hole, "NewLeaseTime": lifetime_s}
                await _called(self._service, "UpdatePinhole", renewed)
                return inner.port
            except _Fault as fault:
                if fault.code != _NO_SUCH_ENTRY:
                    raise
                self._hole = None
        asked = {
            "RemoteHost": "",
            "RemotePort": 0,
            "InternalClient": inner.host,
            "InternalPort": inner.port,
            "Protocol": int(self._transport),
            "LeaseTime": lifetime_s,
        }
        hole = (await _called(self._service, "AddPinhole", asked)).get("UniqueID")
        if not isinstance(hole, int):
            raise Malformed("a hole without a number")
        self._hole = hole
        return inner.port

    async def delete(self, outer_port: int) -> None:
        if self._hole is not None:
            hole, self._hole = self._hole, None
            await _called(self._service, "DeletePinhole", {"UniqueID": hole})


async def connect(
    location: str, gateway: Gateway, transport: Transport
) -> UpnpRouter | UpnpFirewall:
    """What the gateway's description is of, as far as its family of addresses goes."""
    kind = UpnpFirewall if gateway.is_ipv6 else UpnpRouter
    return await kind.connect(location, gateway, transport)


async def _services(location: str, gateway: Gateway) -> dict[str, UpnpService]:
    """By type."""
    with _explained():
        factory = UpnpFactory(_Requester(gateway), non_strict=True)
        device = await factory.async_create_device(location)
        return {each.service_type: each for each in device.all_services}
    raise AssertionError


async def _called(
    service: UpnpService, verb: str, arguments: Mapping[str, Any]
) -> Mapping[str, Any]:
    with _explained():
        return await service.async_call_action(verb, **arguments)
    raise AssertionError


class _Fault(Refused):
    """The router's own error, with its code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class _Requester(UpnpRequester):
    """HTTP to the gateway alone, from the address that it is asked for (it may want to see that),
    bounded in size, number and time, without redirects."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._left = UPNP_REQUESTS_MAX

    def _socket(self, _: object) -> socket.socket:
        sock = socket.socket(self._gateway.family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.bind((self._gateway.inner, 0))
            if self._gateway.is_ipv6:
                # A link-local address says nothing without its interface.
                name = socket.if_indextoname(self._gateway.scope).encode()
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name)
        except OSError:
            sock.close()
            raise
        return sock

    async def async_http_request(self, http_request: HttpRequest) -> HttpResponse:
        if not is_at(http_request.url, self._gateway.address):
            raise Malformed("a service on another machine")
        if http_request.method == "GET":
            self._left -= 1
        if self._left < 0:
            raise Malformed("a description without end")
        # Not unpacked: a few bytes could become very many.
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(socket_factory=self._socket),
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S),
            ) as session,
            session.request(
                http_request.method,
                http_request.url,
                headers={"Accept-Encoding": "identity", **http_request.headers},
                data=http_request.body,
                allow_redirects=False,
            ) as response,
        ):
            body = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > UPNP_BODY_MAX:
                    raise Malformed("an answer without end")
            text = body.decode(errors="replace")
            return HttpResponse(response.status, dict(response.headers), text)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except RemoteError:
        raise
    except UpnpActionError as error:
        raise _Fault(error.error_code or 0, f"UPnP error {error.error_code}") from None
    except Exception as error:
        # Whatever the router wrote: no XML, an entity bomb, a number that is none, a device within
        # a device a thousand times, a connection that breaks.
        raise Malformed(f"not a UPnP router: {type(error).__name__}") from None
