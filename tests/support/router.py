"""A router on a loopback address of its own: UPnP over real HTTP, and what may be wrong with it."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from aiohttp import web

from meshdht.endpoint import Endpoint
from meshdht.net.gateway import Gateway
from meshdht.wire import ssdp

SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:{version}"
NAMESPACE = "urn:schemas-upnp-org"
ENVELOPE = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>{body}</s:Body>'
    "</s:Envelope>"
)
FAULT = (
    "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>"
    '<UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>{code}</errorCode>'
    "<errorDescription>no</errorDescription></UPnPError></detail></s:Fault>"
)
ARGUMENTS = {
    "GetExternalIPAddress": ([], ["NewExternalIPAddress"]),
    "GetSpecificPortMappingEntry": (
        ["NewRemoteHost", "NewExternalPort", "NewProtocol"],
        ["NewInternalPort", "NewInternalClient", "NewLeaseDuration"],
    ),
    "AddPortMapping": (
        [
            "NewRemoteHost",
            "NewExternalPort",
            "NewProtocol",
            "NewInternalPort",
            "NewInternalClient",
            "NewEnabled",
            "NewPortMappingDescription",
            "NewLeaseDuration",
        ],
        [],
    ),
    "DeletePortMapping": (["NewRemoteHost", "NewExternalPort", "NewProtocol"], []),
}
TYPES = {
    "NewExternalPort": "ui2",
    "NewInternalPort": "ui2",
    "NewReservedPort": "ui2",
    "NewLeaseDuration": "ui4",
    "NewEnabled": "boolean",
}


def loopback_gateway() -> Gateway:
    """A router and a device, each at a loopback address that nobody else is likely to use."""
    prefix = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(254)}"
    return Gateway(f"{prefix}.1", socket.if_nametoindex("lo"), f"{prefix}.2")


@dataclass
class UpnpBox:
    """What it holds, and what is odd about it."""

    gateway: Gateway
    version: int = 1
    outer_address: str = "25.0.0.1"
    only_permanent: bool = False
    faults: dict[str, int] = field(default_factory=dict)
    """By verb, the error that it answers."""
    description: Callable[[str], bytes] | None = None
    """In place of its own; is given the URL that it would have."""
    control_url: str = "/control"
    mappings: dict[int, Endpoint] = field(default_factory=dict)
    leases: dict[int, int] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    location: str = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve; gives the description's address."""
        app = web.Application()
        app.router.add_get("/desc.xml", self._describe)
        app.router.add_get("/scpd.xml", self._describe_service)
        app.router.add_get("/elsewhere", self._redirect)
        app.router.add_post("/control", self._control)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.gateway.address, 0)
            await site.start()
            port = runner.addresses[0][1]
            self.location = f"http://{self.gateway.address}:{port}/desc.xml"
            yield self.location
        finally:
            await runner.cleanup()

    async def _describe(self, request: web.Request) -> web.Response:
        self.requests.append("description")
        if self.description is not None:
            return web.Response(body=self.description(self.location), content_type="text/xml")
        text = (
            f'<root xmlns="{NAMESPACE}:device-1-0"><device>'
            f"<deviceType>{NAMESPACE}:device:InternetGatewayDevice:{self.version}</deviceType>"
            f"<deviceList><device><deviceType>{NAMESPACE}:device:WANDevice:1</deviceType>"
            f"<deviceList><device><deviceType>{NAMESPACE}:device:WANConnectionDevice:1</deviceType>"
            "<serviceList><service>"
            f"<serviceType>{SERVICE.format(version=self.version)}</serviceType>"
            "<serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId>"
            f"<SCPDURL>/scpd.xml</SCPDURL><controlURL>{self.control_url}</controlURL>"
            "<eventSubURL>/events</eventSubURL></service></serviceList>"
            "</device></deviceList></device></deviceList></device></root>"
        )
        return web.Response(text=text, content_type="text/xml")

    @property
    def _verbs(self) -> dict[str, tuple[list[str], list[str]]]:
        if self.version == 1:
            return ARGUMENTS
        return ARGUMENTS | {
            "AddAnyPortMapping": (ARGUMENTS["AddPortMapping"][0], ["NewReservedPort"])
        }

    async def _describe_service(self, request: web.Request) -> web.Response:
        self.requests.append("service")
        actions = "".join(
            f"<action><name>{verb}</name><argumentList>"
            + "".join(_argument(name, "in") for name in arguments[0])
            + "".join(_argument(name, "out") for name in arguments[1])
            + "</argumentList></action>"
            for verb, arguments in self._verbs.items()
        )
        names = sorted(
            {each for lists in self._verbs.values() for names in lists for each in names}
        )
        variables = "".join(
            f'<stateVariable sendEvents="no"><name>{name}</name>'
            f"<dataType>{TYPES.get(name, 'string')}</dataType></stateVariable>"
            for name in names
        )
        text = (
            f'<scpd xmlns="{NAMESPACE}:service-1-0"><actionList>{actions}</actionList>'
            f"<serviceStateTable>{variables}</serviceStateTable></scpd>"
        )
        return web.Response(text=text, content_type="text/xml")

    async def _redirect(self, request: web.Request) -> web.Response:
        self.requests.append("redirected")
        raise web.HTTPFound(self.location)

    async def _control(self, request: web.Request) -> web.Response:
        verb = request.headers["SOAPAction"].strip('"').partition("#")[2]
        self.requests.append(verb)
        asked = dict(re.findall(r"<(New\w+)>([^<]*)</", await request.text()))
        outcome = self._do(verb, asked)
        if isinstance(outcome, int):
            body = ENVELOPE.format(body=FAULT.format(code=outcome))
            return web.Response(status=500, text=body, content_type="text/xml")
        values = "".join(f"<{name}>{value}</{name}>" for name, value in outcome.items())
        tag = f"u:{verb}Response"
        kind = SERVICE.format(version=self.version)
        body = ENVELOPE.format(body=f'<{tag} xmlns:u="{kind}">{values}</{tag}>')
        return web.Response(text=body, content_type="text/xml")

    def _do(self, verb: str, asked: dict[str, str]) -> dict[str, object] | int:
        """What comes of it: values, or an error."""
        if verb in self.faults:
            return self.faults[verb]
        if verb == "GetExternalIPAddress":
            return {"NewExternalIPAddress": self.outer_address}
        port = int(asked["NewExternalPort"])
        if verb == "GetSpecificPortMappingEntry":
            held = self.mappings.get(port)
            if held is None:
                return 714
            return {
                "NewInternalPort": held.port,
                "NewInternalClient": held.host,
                "NewLeaseDuration": self.leases[port],
            }
        if verb == "DeletePortMapping":
            return {} if self.mappings.pop(port, None) else 714
        lease = int(asked["NewLeaseDuration"])
        if self.only_permanent and lease:
            return 725
        inner = Endpoint(asked["NewInternalClient"], int(asked["NewInternalPort"]))
        while verb == "AddAnyPortMapping" and self.mappings.get(port, inner) != inner:
            port += 1
        self.mappings[port], self.leases[port] = inner, lease
        return {"NewReservedPort": port} if verb == "AddAnyPortMapping" else {}


@dataclass
class SsdpBox:
    """Answers searches for a box where they come to it alone."""

    box: UpnpBox

    @contextmanager
    def serving(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            sock.bind((self.box.gateway.address, ssdp.PORT))

            def read() -> None:
                request, source = sock.recvfrom(2048)
                target = ssdp.SEARCH_TARGETS[2 - self.box.version]
                if f"ST: {target}".encode() in request:
                    sock.sendto(self._answer(target), source)

            loop.add_reader(sock.fileno(), read)
            try:
                yield
            finally:
                loop.remove_reader(sock.fileno())

    def _answer(self, target: str) -> bytes:
        lines = ("HTTP/1.1 200 OK", f"ST: {target}", f"LOCATION: {self.box.location}", "", "")
        return "\r\n".join(lines).encode()


def _argument(name: str, direction: str) -> str:
    return (
        f"<argument><name>{name}</name><direction>{direction}</direction>"
        f"<relatedStateVariable>{name}</relatedStateVariable></argument>"
    )
