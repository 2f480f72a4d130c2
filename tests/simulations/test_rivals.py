"""Both rivals are attacked in one way: their insiders do the same, whichever DHT it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from meshdht.dht.messages import FindNode, FindValue, Nodes, Stored, StoreValue, Value, WireContact
from simulations import stock
from simulations.adversary import Insider
from simulations.loop import run
from simulations.network import DatagramNetwork
from simulations.rivals import (
    PACKET_KEY,
    Liar,
    Ours,
    Rival,
    Stock,
    key_of_name,
    value_under,
)
from simulations.world import household

NAME, OTHER_NAME = b"hidden", b"another"
KEY, OTHER_KEY = key_of_name(NAME), key_of_name(OTHER_NAME)
Scene = Callable[[Rival, DatagramNetwork], Coroutine[None, None, None]]


class Told:
    """What a liar answered about a key that it was to store before."""

    def __init__(self, acknowledged: bool, gave: bool, nodes: list[bytes], near: list[bytes]):
        assert nodes == near, "asked for a value, it names others than asked for nodes"
        self.acknowledged, self.gave, self.named = acknowledged, gave, nodes


def act(scene: Scene, what: str) -> None:
    async def main() -> None:
        network = DatagramNetwork(1)
        async with stock.seeded(1):
            await scene(Ours(network, 1) if what == "ours" else Stock(network), network)

    run(main())


async def ask(rival: Rival, network: DatagramNetwork, liar: Liar, key: bytes) -> Told:
    if isinstance(rival, Stock):
        return await ask_stock(network, liar, key)
    asker = Insider(network, household(9), PACKET_KEY, key[0])
    for request in (StoreValue(key, value_under(key)), FindNode(key), FindValue(key, 0)):
        asker.ask(request, liar.endpoint)
        await asyncio.sleep(1)
    stored, nodes, value = asker.answers
    assert isinstance(stored, Stored)
    assert isinstance(nodes, Nodes)
    assert isinstance(value, Value)
    ids = [[each.node_id for each in reply.contacts] for reply in (nodes, value)]
    return Told(True, bool(value.value), *ids)


async def ask_stock(network: DatagramNetwork, liar: Liar, key: bytes) -> Told:
    server = stock.StockPeer(network, household(9)).server
    to, own, protocol = tuple(liar.endpoint), server.node.id, server.protocol
    _, stored = await protocol.store(to, own, key, "v")
    _, nodes = await protocol.find_node(to, own, key)
    _, value = await protocol.find_value(to, own, key)
    gave = isinstance(value, dict)
    ids = [bytes(each[0]) for each in nodes]
    return Told(stored, gave, ids, ids if gave else [bytes(each[0]) for each in value])


def nearest_first(contacts: list[WireContact], key: bytes) -> list[bytes]:
    wanted = int.from_bytes(key, "big")
    return sorted(
        (each.node_id for each in contacts), key=lambda each: int.from_bytes(each, "big") ^ wanted
    )


@pytest.mark.parametrize("what", ["ours", "stock"])
def test_a_member_names_only_its_accomplices_whatever_is_asked(what: str) -> None:
    async def scene(rival: Rival, network: DatagramNetwork) -> None:
        liars = [rival.member(household(number)) for number in range(3)]
        for liar in liars:
            rival.plot.accomplices.append(WireContact(liar.id, liar.endpoint))
        for key in (KEY, OTHER_KEY):
            told = await ask(rival, network, liars[0], key)
            assert told.acknowledged
            assert not told.gave
            assert told.named == nearest_first(rival.plot.accomplices[1:], key)

    act(scene, what)


@pytest.mark.parametrize("what", ["ours", "stock"])
def test_a_sybil_lies_about_what_is_hidden_and_else_is_honest(what: str) -> None:
    async def scene(rival: Rival, network: DatagramNetwork) -> None:
        liar = rival.sybil(household(0))
        invented = rival.sybil(household(1), KEY[:10] + bytes(10))
        rival.plot.sybils[KEY] = (WireContact(invented.id, invented.endpoint),)
        assert invented.id[:10] == KEY[:10]
        told = await ask(rival, network, liar, KEY)
        assert (told.acknowledged, told.gave, told.named) == (True, False, [invented.id])
        honest = await ask(rival, network, liar, OTHER_KEY)
        assert (honest.acknowledged, honest.gave) == (True, True)
        assert invented.id not in honest.named

    act(scene, what)


@pytest.mark.parametrize("what", ["ours", "stock"])
def test_honest_nodes_find_what_one_has_published(what: str) -> None:
    async def scene(rival: Rival, network: DatagramNetwork) -> None:
        hosts = [rival.honest(household(number)) for number in range(4)]
        for host in hosts[1:]:
            assert await host.enter([hosts[0].endpoint])
            await host.refresh()
        await hosts[0].publish(NAME)
        assert sum(host.holds(NAME) for host in hosts) >= 3
        assert await hosts[3].finds(NAME)
        assert not await hosts[3].finds(OTHER_NAME)

    act(scene, what)


@pytest.mark.parametrize("what", ["ours", "stock"])
def test_a_node_that_only_a_liar_has_greeted_finds_nothing_but_liars(what: str) -> None:
    async def scene(rival: Rival, network: DatagramNetwork) -> None:
        hosts = [rival.honest(household(number)) for number in range(2)]
        liar = rival.member(household(2))
        for _ in range(2):
            liar.greet(hosts[0].endpoint)
            await asyncio.sleep(1)
        before = network.received_bytes[liar.endpoint]
        assert not await hosts[0].finds(NAME)
        assert network.received_bytes[liar.endpoint] > before
        assert not network.received_bytes[hosts[1].endpoint]

    act(scene, what)
