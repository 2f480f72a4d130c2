"""The four kinds, against what RFC 4787 says of them."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from meshdht.endpoint import Endpoint
from simulations.loop import run
from simulations.nat import LIFETIME_S, Inside, Nat, NatKind
from simulations.network import DatagramNetwork
from simulations.world import world

INNER, OTHER_INNER = Endpoint("192.168.1.2", 5000), Endpoint("192.168.1.3", 5000)
SERVER = Endpoint("203.0.113.1", 80)
SAME_HOST = Endpoint("203.0.113.1", 81)
OTHER_HOST = Endpoint("203.0.113.2", 80)
PUBLIC = "198.51.100.1"
CONES = [kind for kind in NatKind if kind is not NatKind.SYMMETRIC]


def lets_in(kind: NatKind) -> dict[Endpoint, bool]:
    """Who reaches the inner host through the mapping that it made towards SERVER."""
    nat = Nat(PUBLIC, kind)
    outer = nat.outbound(INNER, SERVER, 0.0)
    return {
        each: nat.inbound(outer, each, 1.0) == INNER for each in (SERVER, SAME_HOST, OTHER_HOST)
    }


def test_each_kind_filters_as_section_5_says() -> None:
    everybody = {SERVER: True, SAME_HOST: True, OTHER_HOST: True}
    by_address = {SERVER: True, SAME_HOST: True, OTHER_HOST: False}
    by_endpoint = {SERVER: True, SAME_HOST: False, OTHER_HOST: False}
    assert lets_in(NatKind.ENDPOINT_INDEPENDENT) == everybody
    assert lets_in(NatKind.ADDRESS_DEPENDENT) == by_address
    assert lets_in(NatKind.ADDRESS_AND_PORT_DEPENDENT) == by_endpoint
    assert lets_in(NatKind.SYMMETRIC) == by_endpoint


@pytest.mark.parametrize("kind", CONES)
def test_an_endpoint_independent_mapping_is_one_for_all(kind: NatKind) -> None:
    nat = Nat(PUBLIC, kind)
    outer = {nat.outbound(INNER, to, 0.0) for to in (SERVER, SAME_HOST, OTHER_HOST)}
    assert outer == {Endpoint(PUBLIC, INNER.port)}


def test_a_symmetric_mapping_is_one_for_each_remote_endpoint() -> None:
    nat = Nat(PUBLIC, NatKind.SYMMETRIC)
    outer = [nat.outbound(INNER, to, 0.0) for to in (SERVER, SAME_HOST, OTHER_HOST)]
    assert len(set(outer)) == 3
    assert nat.outbound(INNER, SERVER, 1.0) == outer[0]


@pytest.mark.parametrize("kind", NatKind)
def test_two_inner_hosts_never_share_a_port(kind: NatKind) -> None:
    nat = Nat(PUBLIC, kind)
    one, other = nat.outbound(INNER, SERVER, 0.0), nat.outbound(OTHER_INNER, SERVER, 0.0)
    assert one != other
    assert nat.inbound(one, SERVER, 1.0) == INNER
    assert nat.inbound(other, SERVER, 1.0) == OTHER_INNER


@pytest.mark.parametrize("kind", NatKind)
def test_only_what_goes_out_keeps_a_mapping_alive(kind: NatKind) -> None:
    nat = Nat(PUBLIC, kind)
    outer = nat.outbound(INNER, SERVER, 0.0)
    assert nat.inbound(outer, SERVER, LIFETIME_S - 1) == INNER
    assert nat.inbound(outer, SERVER, LIFETIME_S) is None
    renewed = nat.outbound(INNER, SERVER, LIFETIME_S - 1 + LIFETIME_S)
    assert nat.inbound(renewed, SERVER, 2 * LIFETIME_S) == INNER


@pytest.mark.parametrize("kind", NatKind)
def test_what_comes_in_keeps_a_mapping_alive_where_it_renews(kind: NatKind) -> None:
    nat = Nat(PUBLIC, kind, inbound_renews=True)
    outer = nat.outbound(INNER, SERVER, 0.0)
    for number in range(1, 10):
        assert nat.inbound(outer, SERVER, number * (LIFETIME_S - 1)) == INNER
    assert nat.inbound(outer, SERVER, 10 * LIFETIME_S) is None


def test_a_permission_expires_though_its_mapping_lives() -> None:
    nat = Nat(PUBLIC, NatKind.ADDRESS_DEPENDENT)
    outer = nat.outbound(INNER, SERVER, 0.0)
    nat.outbound(INNER, OTHER_HOST, LIFETIME_S - 1)
    assert nat.inbound(outer, SERVER, LIFETIME_S + 1) is None
    assert nat.inbound(outer, OTHER_HOST, LIFETIME_S + 1) == INNER


def test_nothing_comes_in_through_a_port_that_nobody_mapped() -> None:
    assert Nat(PUBLIC, NatKind.ENDPOINT_INDEPENDENT).inbound(SERVER, OTHER_HOST, 0.0) is None


class Room:
    """Two hosts behind one NAT (behind another, if ``double``), and a server outside."""

    def __init__(self, *, hairpin: bool = False, double: bool = False) -> None:
        self.internet = DatagramNetwork(1)
        kind = NatKind.ENDPOINT_INDEPENDENT
        outside = Inside(self.internet, Nat(PUBLIC, kind)) if double else self.internet
        own_host = "100.64.0.9" if double else PUBLIC
        self.inside = Inside(outside, Nat(own_host, kind, hairpin=hairpin))
        self.heard: list[tuple[Endpoint, bytes, Endpoint]] = []
        for at, side in ((INNER, self.inside), (OTHER_INNER, self.inside), (SERVER, self.internet)):
            side.attach(at, partial(self._hears, at))

    def _hears(self, at: Endpoint, datagram: bytes, source: Endpoint) -> None:
        self.heard.append((at, datagram, source))


def test_a_server_sees_the_outermost_address_and_its_answer_comes_back() -> None:
    async def main(double: bool) -> None:
        room = Room(double=double)
        room.inside.send(b"hello", INNER, SERVER)
        await asyncio.sleep(0.2)
        seen = room.heard[0][2]
        assert seen.host == PUBLIC
        room.internet.send(b"answer", SERVER, seen)
        await asyncio.sleep(0.2)
        assert room.heard == [(SERVER, b"hello", seen), (INNER, b"answer", SERVER)]

    run(main(double=False))
    run(main(double=True))


def test_neighbours_inside_reach_each_other_and_hairpins_only_where_allowed() -> None:
    async def main(hairpin: bool) -> None:
        room = Room(hairpin=hairpin)
        room.inside.send(b"lan", INNER, OTHER_INNER)
        room.inside.send(b"out", OTHER_INNER, SERVER)
        await asyncio.sleep(0.2)
        outer = next(source for at, _, source in room.heard if at == SERVER)
        room.inside.send(b"pin", INNER, outer)
        await asyncio.sleep(0.2)
        heard = [data for at, data, _ in room.heard if at == OTHER_INNER]
        assert heard == ([b"lan", b"pin"] if hairpin else [b"lan"])

    run(main(hairpin=True))
    run(main(hairpin=False))


@pytest.mark.parametrize("kind", CONES)
def test_whole_nodes_behind_such_nats_reach_each_other(kind: NatKind) -> None:
    async def main() -> None:
        async with world(3) as one:
            first = one.found()
            for number in (1, 2):
                inside = Inside(one.network, Nat(f"198.51.{number}.1", kind))
                await one.join(side=inside, endpoint=Endpoint("192.168.1.2", 41820))
            await asyncio.sleep(20)
            second, third = one.hosts[1:]
            assert second.reaches(third)
            assert third.reaches(second)
            assert first.reaches(third)

    run(main())
