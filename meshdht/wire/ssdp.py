"""Finding a UPnP router: SSDP's search and what it is answered (UPnP Device Architecture 2.0, 1.3),
and what a router tells everybody of itself (1.2).

The search goes to 239.255.255.250:1900, or [ff02::c]:1900, and to the router itself; an answer
comes from the router and names, in its LOCATION, where the description is:

    HTTP/1.1 200 OK
    ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1
    LOCATION: http://192.168.1.1:5000/rootDesc.xml
    BOOTID.UPNP.ORG: 1795802400

    NOTIFY * HTTP/1.1
    NTS: ssdp:alive, or ssdp:byebye when it goes down
    LOCATION: …, BOOTID.UPNP.ORG: …

The boot id is another after each start; routers of UPnP 1.0 have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from meshdht.errors import Malformed

GROUP = "239.255.255.250"
GROUP_IPV6 = "ff02::c"
SITE_GROUP_IPV6 = "ff05::c"
PORT = 1900
DATAGRAM_SIZE_MAX = 2048
SEARCH_TARGETS = tuple(
    f"urn:schemas-upnp-org:device:InternetGatewayDevice:{version}" for version in (2, 1)
)

_LOCATION_SIZE_MAX = 512


@dataclass(frozen=True, slots=True)
class Presence:
    """The gateway is there: where its description is, and which start of it this is, if it says
    so. What it takes back by a byebye has neither."""

    location: str
    boot_id: str = ""


GONE = Presence("")


def notice_group(gateway: str) -> str:
    """Where the gateway tells everybody something from this address of it (Annex A: to the link
    from a link-local one, else to the site)."""
    address = ip_address(gateway)
    if address.version == 4:
        return GROUP
    return GROUP_IPV6 if address.is_link_local else SITE_GROUP_IPV6


def search(target: str, host: str) -> bytes:
    """The request for devices of one kind, as it is sent to ``host``. Who is asked answers within
    a second."""
    lines = [
        "M-SEARCH * HTTP/1.1",
        f"HOST: {_literal(host)}:{PORT}",
        'MAN: "ssdp:discover"',
        "MX: 1",
        f"ST: {target}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def parse_notice(data: bytes, gateway: str) -> Presence:
    """What the gateway tells everybody; raises Malformed as ``parse_answer`` does."""
    first, headers = _parsed(data)
    if not first.startswith("NOTIFY * HTTP/1.1"):
        raise Malformed("no notice")
    match headers.get("nts"):
        case "ssdp:byebye":
            return GONE
        case "ssdp:alive":
            return _presence(headers, gateway)
    raise Malformed("a notice of another kind")


def _parsed(data: bytes) -> tuple[str, dict[str, str]]:
    """The first line, and the headers by name in lower case."""
    if len(data) > DATAGRAM_SIZE_MAX:
        raise Malformed(f"SSDP of {len(data)} bytes")
    try:
        first, *lines = data.decode("ascii").splitlines()
    except (UnicodeDecodeError, ValueError):
        raise Malformed("no SSDP") from None
    fields = [line.partition(":") for line in lines]
    return first, {name.strip().lower(): value.strip() for name, _, value in fields}


def parse_answer(data: bytes, gateway: str) -> Presence:
    """Where the description of the gateway itself is; raises Malformed for all else, so also for
    one that lies on another machine."""
    status, headers = _parsed(data)
    if not status.startswith("HTTP/1.1 200") or headers.get("st") not in SEARCH_TARGETS:
        raise Malformed("not an answer to our search")
    return _presence(headers, gateway)


def _presence(headers: Mapping[str, str], gateway: str) -> Presence:
    location = headers.get("location", "")
    if ":" in gateway and len(location) <= _LOCATION_SIZE_MAX:
        location = _moved(location, gateway)
    if len(location) > _LOCATION_SIZE_MAX or not is_at(location, gateway):
        raise Malformed("a description on another machine")
    return Presence(location, headers.get("bootid.upnp.org", ""))


def _literal(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _moved(location: str, gateway: str) -> str:
    """The same place under the gateway's own address: in IPv6 a router has several, and names the
    one that it likes. Empty if there is no such place."""
    try:
        parts = urlsplit(location)
        port = parts.port
    except ValueError:
        return ""
    at = f"[{gateway}]" if port is None else f"[{gateway}]:{port}"
    return "" if parts.username else parts._replace(netloc=at).geturl()


def is_at(url: str, gateway: str) -> bool:
    """Whether something lies on the gateway, under its address, by plain HTTP."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = ip_address(parts.hostname or "")
    except ValueError:
        return False
    plain = parts.scheme == "http" and not parts.username and not parts.password and port != 0
    return plain and host == ip_address(gateway)
