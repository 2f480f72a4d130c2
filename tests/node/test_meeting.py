"""A joiner and a member that no filter lets in meet at an anchor: whole nodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import SigningKey, WireGuardPrivateKey
from meshdht.endpoint import LOOPBACK, Endpoint
from meshdht.errors import JoinFailed, RemoteError
from meshdht.membership.link import Link
from meshdht.membership.statements import Terms
from meshdht.node.control import ControlPort
from meshdht.node.joining import Joined, Joiner
from meshdht.node.meeting import JoinMeetings
from meshdht.node.network_time import NetworkTime
from meshdht.paths.candidate import PathKind
from meshdht.wire.packet import MessageKind
from simulations.loop import VirtualClock, run
from simulations.nat import Inside, Nat, NatKind
from tests.support.anchor import Holder, link_of
from tests.support.mesh import Machine, Mesh, eventually, mesh
from tests.support.relay import lend

INSIDE = Endpoint("192.168.1.2", 41820)
OUTER, JOINERS = "198.51.100.1", "198.51.100.2"


@asynccontextmanager
async def home(members: int = 1, seed: int = 1) -> AsyncIterator[tuple[Mesh, Holder, Link]]:
    """A network whose members all went behind one symmetric NAT each, an anchor, and a link."""
    async with mesh(seed, latency=(0.019, 0.021)) as world:
        machines = await world.grow(members)
        box = Holder(world, await link_of(machines[0]))
        lend(box, world.internet, box.node.relay_host, box.endpoint.host)
        await eventually(lambda: all(each.node._known_anchors() for each in machines), 90)
        for number, machine in enumerate(machines):
            nat = Nat(f"198.51.101.{number + 1}", NatKind.SYMMETRIC)
            machine.move(INSIDE, Inside(world.internet, nat))
        await asyncio.sleep(120)
        yield world, box, await machines[0].invite()


class Comer:
    """A device behind a symmetric NAT of its own that asks to be let in."""

    def __init__(self, world: Mesh, link: Link, number: int = 0) -> None:
        self.link = link
        self.nat = Nat(f"198.51.100.{number + 1}", NatKind.SYMMETRIC)
        self.side = Inside(world.internet, self.nat)
        self.sent: list[Endpoint] = []
        signing = SigningKey(world.entropy.token(32))
        self.id = signing.public.device_id
        self.control = ControlPort(
            self.id,
            link.packet_key,
            self._send,
            NetworkTime(VirtualClock()),
            SeededEntropy(100 + number),
        )
        wireguard = WireGuardPrivateKey(world.entropy.token(32))
        self.joiner = Joiner(link, signing, wireguard, f"pi{number}", self.control)
        self.meetings = JoinMeetings(link, self.id, self.control, self.joiner)
        self.side.attach(INSIDE, self._receive)

    def _send(self, datagram: bytes, to: Endpoint) -> None:
        self.sent.append(to)
        self.side.send(datagram, INSIDE, to)

    def _receive(self, datagram: bytes, source: Endpoint) -> None:
        incoming = self.control.open(datagram, source)
        if incoming is None:
            return
        try:
            if incoming.packet.kind is MessageKind.RELAY_REPLY:
                self.meetings.received(incoming)
            else:
                self.joiner.received(incoming)
        except RemoteError:
            return

    async def ask(self, timeout_s: float = 30.0, patience_s: float = 0.0) -> Joined:
        async with asyncio.TaskGroup() as tasks:
            meeting = tasks.create_task(self.meetings.run())
            joined = await self.joiner.run(self.link.hints, timeout_s, patience_s)
            meeting.cancel()
        self.meetings.close(joined.endpoint)
        self.side.detach(INSIDE)
        return joined

    def live(self, world: Mesh, joined: Joined) -> Machine:
        """Go on as a member, from the same port."""
        machine = world._add(joined.identity, joined.log, (joined.member, joined.endpoint))
        machine.move(INSIDE, self.side)
        return machine


def test_a_device_is_let_in_and_has_its_first_path_by_an_anchor() -> None:
    async def main() -> None:
        async with home() as (world, box, link):
            assert [each.id for each in link.anchors] == [box.id]
            begun = asyncio.get_running_loop().time()
            comer = Comer(world, link)
            joined = await comer.ask()
            assert asyncio.get_running_loop().time() - begun < 2
            assert joined.endpoint.host == box.endpoint.host
            first = world.machines[0]
            assert first.names() == ["d0", "pi0"]
            machine = comer.live(world, joined)
            ends = [(machine, first), (first, machine)]
            await eventually(
                lambda: all(a.node.path(b.id).kind is PathKind.RELAY for a, b in ends), 2
            )
            # What the joiner was lent ends, and the two meet as members do.
            await asyncio.sleep(300)
            assert await first.node.ping(machine.id, 5) is not None

    run(main())


def test_the_anchor_hears_neither_the_claim_nor_a_name() -> None:
    async def main() -> None:
        async with home() as (world, box, link):
            comer = Comer(world, link)
            await comer.ask()
            heard = [each for each in box.heard if each.kind is not MessageKind.DHT_REQUEST]
            kinds = {each.kind for each in heard}
            assert MessageKind.RELAY_BIND in kinds
            assert not {MessageKind.JOIN_REQUEST, MessageKind.JOIN_SEALED} & kinds
            binds = [each for each in heard if each.kind is MessageKind.RELAY_BIND]
            assert not {comer.id, world.machines[0].id} & {each.sender for each in binds}

    run(main())


@pytest.mark.parametrize("seed", range(3))
def test_of_several_members_that_wait_one_lets_the_device_in(seed: int) -> None:
    async def main() -> None:
        async with home(4, seed) as (world, _, link):
            joined = await Comer(world, link).ask()
            assert joined.member in {each.id for each in world.machines}
            # Nobody takes the anchor for one that does not relay, since it had no room for a third.
            for machine in world.machines:
                assert not machine.node._relays._places._shunned

    run(main())


def test_two_that_come_by_one_link_at_once_are_both_let_in() -> None:
    async def main() -> None:
        async with home() as (world, _, _):
            link = await world.machines[0].invite(uses=2)
            async with asyncio.TaskGroup() as tasks:
                for number in range(2):
                    tasks.create_task(Comer(world, link, number).ask())
            await eventually(lambda: world.machines[0].names() == ["d0", "pi0", "pi1"], 5)

    run(main())


def test_who_waits_for_approval_is_let_in_by_an_anchor_too() -> None:
    async def main() -> None:
        async with home() as (world, _, _):
            first = world.machines[0]
            link = await first.invite(terms=Terms(approval=True))
            comer = Comer(world, link)
            async with asyncio.TaskGroup() as tasks:
                asking = tasks.create_task(comer.ask(patience_s=600))
                await eventually(lambda: bool(first.node.approvals.waiting()), 20)
                await asyncio.sleep(200)
                [applicant] = first.node.approvals.waiting()
                await first.node.approvals.approve(applicant.claim.device)
                await eventually(asking.done, 10)
            assert first.names() == ["d0", "pi0"]

    run(main())


def test_where_nobody_waits_the_joiner_gives_up_in_time_and_leaves_nothing_at_the_relay() -> None:
    async def main() -> None:
        async with home() as (world, box, link):
            await world.machines[0].stop()
            comer = Comer(world, link)
            with pytest.raises(ExceptionGroup) as raised:
                await comer.ask(20)
            assert isinstance(raised.value.exceptions[0], JoinFailed)
            comer.meetings.close(None)
            await asyncio.sleep(1)
            assert len(box.node.relay_host._book) == 0

    run(main())


def test_an_anchor_that_is_reached_by_a_stream_is_bound_at_there() -> None:
    async def main() -> None:
        async with home() as (world, box, link):
            comer = Comer(world, link)
            leg = Endpoint(LOOPBACK, 50001)
            assert not comer.meetings.reached_by("192.0.2.1", leg, lambda port: None)
            assert comer.meetings.reached_by(box.endpoint.host, leg, lambda port: None)
            async with asyncio.TaskGroup() as tasks:
                meeting = tasks.create_task(comer.meetings.run())
                await asyncio.sleep(0.1)
                meeting.cancel()
            assert comer.sent == [leg]
            # Another stream is told from one to a member as well.
            assert comer.meetings.reached_by(box.endpoint.host, leg, lambda port: None)

    run(main())


def test_an_anchor_whose_stream_has_ended_is_bound_at_by_udp_again() -> None:
    async def main() -> None:
        async with home() as (world, box, link):
            comer = Comer(world, link)
            leg = Endpoint(LOOPBACK, 50001)
            assert comer.meetings.reached_by(box.endpoint.host, leg, lambda port: None)
            comer.meetings.left(leg)
            joined = await comer.ask()
            assert joined.endpoint.host == box.endpoint.host
            assert leg not in comer.sent

    run(main())


def test_what_is_asked_at_an_anchor_is_sealed_though_it_has_parted_meanwhile() -> None:
    async def main() -> None:
        async with home() as (world, box, link):
            comer = Comer(world, link)
            sent: list[tuple[MessageKind, Endpoint]] = []
            send = comer.control.send

            def tapped(kind: MessageKind, message_id: bytes, body: bytes, to: Endpoint) -> None:
                sent.append((kind, to))
                if to == there:
                    comer.joiner.ask_no_more(there)
                send(kind, message_id, body, to)

            comer.control.send = tapped  # type: ignore[method-assign, assignment]
            there = Endpoint(box.endpoint.host, 42007)
            comer.joiner.also_ask(there, comer.meetings._key)
            for _ in range(3):
                await comer.joiner._round([there, *link.hints])
            kinds = {to: kind for kind, to in sent}
            assert kinds[there] is MessageKind.JOIN_SEALED
            assert [kind for kind, to in sent if to == there] == [MessageKind.JOIN_SEALED] * 4
            assert kinds[link.hints[0]] is MessageKind.JOIN_REQUEST

    run(main())
