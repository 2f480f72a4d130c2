"""Finding a UPnP router: SSDP's search and what it is answered (UPnP Device Architecture 2.0, 1.3).

The search goes to 239.255.255.250:1900, or [ff02::c]:1900, and to the router itself; an answer
comes from the router and names, in its LOCATION, where the description is:

    HTTP/1.1 200 OK
    ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1
    LOCATION: http://192.168.1.1:5000/rootDesc.xml
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from meshdht.errors import Malformed

GROUP = "239.255.255.250"
GROUP_IPV6 = "ff02::c"
PORT = 1900
ANSWER_SIZE_MAX = 2048
SEARCH_TARGETS = tuple(
    f"urn:schemas-upnp-org:device:InternetGatewayDevice:{version}" for version in (2, 1)
)

_LOCATION_SIZE_MAX = 512


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


def parse_answer(data: bytes, gateway: str) -> str:
    """Where the description of the gateway itself is; raises Malformed for all else, so also for
    one that lies on another machine."""
    if len(data) > ANSWER_SIZE_MAX:
        raise Malformed(f"an answer of {len(data)} bytes")
    try:
        status, *lines = data.decode("ascii").splitlines()
    except (UnicodeDecodeError, ValueError):
        raise Malformed("not an answer to a search") from None
    fields = [line.partition(":") for line in lines]
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    if not status.startswith("HTTP/1.1 200") or headers.get("st") not in SEARCH_TARGETS:
        raise Malformed("not an answer to our search")
    location = headers.get("location", "")
    if ":" in gateway and len(location) <= _LOCATION_SIZE_MAX:
        location = _moved(location, gateway)
    if len(location) > _LOCATION_SIZE_MAX or not is_at(location, gateway):
        raise Malformed("a description on another machine")
    return location


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
