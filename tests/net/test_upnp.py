"""UpnpRouter against a router on loopback, well-behaved and otherwise."""

from __future__ import annotations

import gzip
import tracemalloc
from typing import Any

import pytest
from async_upnp_client.exceptions import UpnpActionError

from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed, Refused, RemoteError
from meshdht.limits import UPNP_BODY_MAX, UPNP_REQUESTS_MAX
from meshdht.net.upnp import PortTaken, UpnpFirewall, UpnpRouter
from meshdht.wire.port_mapping import Transport
from tests.support.router import NAMESPACE, UpnpBox, loopback_gateway

LIFETIME_S = 3600
PORT = 41820


def box(version: int = 1) -> tuple[UpnpBox, Endpoint]:
    gateway = loopback_gateway()
    return UpnpBox(gateway, version), Endpoint(gateway.inner, PORT)


@pytest.mark.parametrize("version", [1, 2])
async def test_a_port_is_mapped_looked_up_and_withdrawn(version: int) -> None:
    upnp, inner = box(version)
    async with upnp.serving() as location:
        router = await UpnpRouter.connect(location, upnp.gateway)
        assert await router.outer_address() == "25.0.0.1"
        assert await router.add(inner, PORT, LIFETIME_S) == PORT
        assert upnp.mappings == {PORT: inner}
        assert upnp.leases == {PORT: LIFETIME_S}
        assert await router.holder(PORT) == inner
        await router.delete(PORT)
        assert upnp.mappings == {}
        assert await router.holder(PORT) is None


@pytest.mark.parametrize("version", [1, 2])
async def test_what_another_machine_has_is_not_taken_from_it(version: int) -> None:
    upnp, inner = box(version)
    other = Endpoint("192.168.1.9", PORT)
    upnp.mappings[PORT], upnp.leases[PORT] = other, 0
    async with upnp.serving() as location:
        router = await UpnpRouter.connect(location, upnp.gateway)
        with pytest.raises(PortTaken):
            await router.add(inner, PORT, LIFETIME_S)
    assert upnp.mappings[PORT] == other


async def test_a_conflict_that_only_the_mapping_shows_is_told() -> None:
    upnp, inner = box()
    upnp.faults["AddPortMapping"] = 718
    async with upnp.serving() as location:
        router = await UpnpRouter.connect(location, upnp.gateway)
        with pytest.raises(PortTaken):
            await router.add(inner, PORT, LIFETIME_S)


async def test_a_router_that_knows_permanent_mappings_alone_makes_one() -> None:
    upnp, inner = box()
    upnp.only_permanent = True
    async with upnp.serving() as location:
        router = await UpnpRouter.connect(location, upnp.gateway)
        assert await router.add(inner, PORT, LIFETIME_S) == PORT
    assert upnp.leases == {PORT: 0}


async def test_a_refusal_is_told_by_its_number() -> None:
    upnp, inner = box()
    upnp.faults["AddPortMapping"] = 606
    async with upnp.serving() as location:
        router = await UpnpRouter.connect(location, upnp.gateway)
        with pytest.raises(Refused, match="606"):
            await router.add(inner, PORT, LIFETIME_S)


@pytest.mark.parametrize("address", ["", "not an address", "25.0.0", "<x/>", "2001:db8::1"])
async def test_an_outer_address_that_is_none_is_malformed(address: str) -> None:
    upnp, _ = box()
    upnp.outer_address = address
    async with upnp.serving() as location:
        router = await UpnpRouter.connect(location, upnp.gateway)
        with pytest.raises(RemoteError):
            await router.outer_address()


def bomb(_: str) -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE r [<!ENTITY e0 "ha">{entities}]><r>&e11;</r>'.encode()


def outside_file(_: str) -> bytes:
    return b'<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><r>&f;</r>'


def nested(_: str) -> bytes:
    return (b'<root xmlns="%b:device-1-0">' % NAMESPACE.encode()) + (
        b"<device><deviceList>" * 5000 + b"</deviceList></device>" * 5000 + b"</root>"
    )


def many_services(_: str) -> bytes:
    service = "<service><SCPDURL>/scpd.xml</SCPDURL><controlURL>/control</controlURL></service>"
    return (
        f'<root xmlns="{NAMESPACE}:device-1-0"><device><serviceList>'
        f"{service * 1000}</serviceList></device></root>"
    ).encode()


@pytest.mark.parametrize(
    "description",
    [
        bomb,
        outside_file,
        nested,
        many_services,
        lambda _: b"",
        lambda _: b"\xff\xfe" * 100,
        lambda _: b"<root/>",
        lambda _: gzip.compress(bytes(50_000_000)),
        lambda _: b"<r>" + b"x" * UPNP_BODY_MAX,
    ],
    ids=["entities", "file", "nested", "services", "empty", "junk", "none", "gzip", "huge"],
)
async def test_a_hostile_description_is_refused_within_bounds(description: object) -> None:
    upnp, _ = box()
    upnp.description = description  # type: ignore[assignment]
    async with upnp.serving() as location:
        tracemalloc.start()
        with pytest.raises(RemoteError):
            await UpnpRouter.connect(location, upnp.gateway)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert len(upnp.requests) <= UPNP_REQUESTS_MAX
    # What the router made to send is in there, too.
    assert peak < 80_000_000


async def test_nothing_is_asked_of_another_machine() -> None:
    upnp, _ = box()
    other, _ = box()
    async with upnp.serving() as location, other.serving() as elsewhere:
        upnp.control_url = elsewhere
        with pytest.raises(Malformed):
            await UpnpRouter.connect(location, upnp.gateway)
        with pytest.raises(Malformed):
            await UpnpRouter.connect(elsewhere, upnp.gateway)
    assert other.requests == []


async def test_a_redirect_is_not_followed() -> None:
    upnp, _ = box()
    async with upnp.serving() as location:
        with pytest.raises(Malformed):
            await UpnpRouter.connect(location.replace("desc.xml", "elsewhere"), upnp.gateway)
    assert upnp.requests == ["redirected"]


async def test_nobody_there_is_a_router_that_is_none() -> None:
    upnp, _ = box()
    with pytest.raises(Malformed):
        await UpnpRouter.connect(f"http://{upnp.gateway.address}:9/", upnp.gateway)


class Firewall:
    """A service that makes holes (tests/lab/test_port_mapping.py has a real one)."""

    def __init__(self) -> None:
        self.allows = True
        self.holes: dict[int, int] = {}
        """How long each lasts."""
        self.asked: list[str] = []

    async def async_call_action(self, verb: str, **arguments: Any) -> dict[str, Any]:
        self.asked.append(verb)
        match verb:
            case "GetFirewallStatus":
                return {"FirewallEnabled": True, "InboundPinholeAllowed": self.allows}
            case "AddPinhole":
                assert arguments["Protocol"] == 17
                number = len(self.asked)
                self.holes[number] = arguments["LeaseTime"]
                return {"UniqueID": number}
        if arguments["UniqueID"] not in self.holes:
            raise UpnpActionError(error_code=704, error_desc="")
        if verb == "UpdatePinhole":
            self.holes[arguments["UniqueID"]] = arguments["NewLeaseTime"]
        else:
            del self.holes[arguments["UniqueID"]]
        return {}


HOLE = Endpoint("2001:db8::2", PORT)


def firewall() -> tuple[Firewall, UpnpFirewall]:
    service = Firewall()
    return service, UpnpFirewall(service, HOLE.host, Transport.UDP)  # type: ignore[arg-type]


async def test_a_hole_is_made_renewed_and_taken_back() -> None:
    service, router = firewall()
    assert await router.outer_address() == HOLE.host
    assert await router.add(HOLE, PORT, 60) == PORT
    assert await router.add(HOLE, PORT, 90) == PORT
    assert list(service.holes.values()) == [90]
    await router.delete(PORT)
    await router.delete(PORT)
    assert service.holes == {}
    assert service.asked[1:] == ["AddPinhole", "UpdatePinhole", "DeletePinhole"]


async def test_a_hole_that_the_router_has_lost_is_made_anew() -> None:
    service, router = firewall()
    await router.add(HOLE, PORT, 60)
    service.holes.clear()
    await router.add(HOLE, PORT, 60)
    assert list(service.holes.values()) == [60]


async def test_a_firewall_that_lets_nobody_make_holes_is_not_asked_for_one() -> None:
    service, router = firewall()
    service.allows = False
    with pytest.raises(Refused, match="lets nobody make holes"):
        await router.outer_address()
