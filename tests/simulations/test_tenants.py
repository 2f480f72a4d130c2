from __future__ import annotations

import asyncio

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import SigningKey
from meshdht.endpoint import Endpoint
from meshdht.node.holding import holder_check
from simulations.ledger import prepare
from simulations.lives import Life, Stay
from simulations.loop import UNIX_START, VirtualClock, run
from simulations.scenarios.surveillance import MANNERS
from simulations.substrate import DhtHost, Substrate
from simulations.tenants import Manner, Rendezvous, Tenancy, Tenant, unchecked

DEPUTIES = Manner("by deputies")
HOME, OFFICE, CAFE = "60.0.1.1", "60.0.2.1", "60.0.3.1"


async def lived(lives: list[Life], check: float, manner: Manner = DEPUTIES) -> list[Tenant]:
    """The devices of one network, ``check`` seconds after their lives began."""
    substrate = Substrate(1)
    ledger = prepare(SeededEntropy(1), UNIX_START, len(lives))
    verify = unchecked if manner.one_key else holder_check(VirtualClock())
    holder = DhtHost(substrate, SigningKey(bytes(32)), Endpoint("30.0.0.1", 1), verify, 1)
    holder.attach()
    substrate.watched = {holder.id}
    async with asyncio.TaskGroup() as tasks:
        rendezvous = Rendezvous(ledger.identities[0])
        home = Tenancy(substrate, tasks, 1, [holder.endpoint], manner, rendezvous)
        pairs = zip(ledger.identities, lives, strict=True)
        tenants = [Tenant(home, each, ledger, life, n) for n, (each, life) in enumerate(pairs)]
        home.tenants = {tenant.id: tenant for tenant in tenants}
        home.introduce()
        living = [tasks.create_task(tenant.live()) for tenant in tenants]
        await asyncio.sleep(check)
        paths = {tenant.id: set(tenant.connected) for tenant in tenants}
        await asyncio.gather(*living)
        holder.dht.close()
    for tenant in tenants:
        tenant.connected = paths[tenant.id]
    return tenants


def test_devices_that_moved_while_apart_meet_through_the_holders() -> None:
    for manner in MANNERS:
        first = Life(0, (Stay(0, 60, HOME), Stay(120, 900, OFFICE)))
        second = Life(0, (Stay(0, 100, HOME), Stay(130, 900, CAFE)))
        one, two = run(lived([first, second], 160.0, manner))
        assert one.connected == {two.id}
        assert two.connected == {one.id}


def test_one_that_is_gone_is_noticed() -> None:
    one, two = run(lived([Life(0, (Stay(0, 900, HOME),)), Life(0, (Stay(0, 60, CAFE),))], 120.0))
    assert one.connected == two.connected == set()


def test_a_move_keeps_those_together_who_are_connected() -> None:
    first = Life(0, (Stay(0, 100, HOME), Stay(100, 300, OFFICE)))
    one, two = run(lived([first, Life(0, (Stay(0, 300, CAFE),))], 200.0))
    assert two.connected == {one.id}
    assert two.known[one.id][0].host == OFFICE
