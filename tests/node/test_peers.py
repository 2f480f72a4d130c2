"""The other devices as one reaches them: probes, answers, and who is listened to."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Network

from meshdht import __version__
from meshdht.clock import SeededEntropy
from meshdht.crypto.boxes import device_box_key
from meshdht.crypto.keys import DeviceId
from meshdht.dht.messages import Ping, encode_request
from meshdht.endpoint import Endpoint
from meshdht.gossip.messages import Fetch, Message, Sync, seal_gossip
from meshdht.node.control import ControlPort
from meshdht.node.network_time import NetworkTime
from meshdht.node.peers import LOOK_S, Peers
from meshdht.paths.candidate import PathKind
from meshdht.paths.pace import IDLE_SHORTEST_S, OWN_PROOF
from meshdht.wire.disco import seal_probe
from meshdht.wire.packet import MessageKind
from simulations.ledger import prepare
from simulations.loop import UNIX_START, VirtualClock, run
from tests.membership.household import signing_key
from tests.support.mesh import ELSEWHERE, Machine, Mesh, eventually, mesh


def test_a_ping_measures_the_round_trip() -> None:
    async def main() -> None:
        async with mesh(latency=(0.04, 0.04)) as world:
            first, second = await world.grow(2)
            result = await first.node.ping(second.id, 1.0)
            assert result is not None
            assert abs(result.rtt_s - 0.08) < 1e-6
            assert result.endpoint == second.endpoint
            assert result.kind is PathKind.DIRECT

    run(main())


def test_a_ping_that_nobody_answers_ends_in_time() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await second.stop()
            begun = asyncio.get_running_loop().time()
            assert await first.node.ping(second.id, 1.5) is None
            assert abs(asyncio.get_running_loop().time() - begun - 1.5) < 1e-6
            assert await first.node.ping(DeviceId(bytes(20)), 1.5) is None

    run(main())


def test_a_peer_with_traffic_that_falls_silent_is_off_within_half_a_minute() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            first.node.want(second.id)
            await second.stop(crash=True)
            await asyncio.sleep(30)
            assert first.node.path(second.id).kind is PathKind.NONE
            assert first.observed.paths[second.id] == 2

    run(main())


def test_an_idle_peer_that_falls_silent_is_off_within_minutes_and_at_once_if_wanted() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(3600)
            await second.stop(crash=True)
            await asyncio.sleep(60)
            if first.reaches(second):
                first.node.want(second.id)
                await asyncio.sleep(2)
            assert first.node.path(second.id).kind is PathKind.NONE
            second.restart()
            await asyncio.sleep(5)
            assert first.reaches(second)
            await asyncio.sleep(3600)
            await second.stop(crash=True)
            await asyncio.sleep(IDLE_SHORTEST_S * (OWN_PROOF + 1))
            assert first.node.path(second.id).kind is PathKind.NONE

    run(main())


def test_who_looks_sees_what_is_true_now() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            await asyncio.sleep(3600)
            await second.stop(crash=True)
            begun = asyncio.get_running_loop().time()
            await first.node.look()
            assert asyncio.get_running_loop().time() - begun <= LOOK_S
            assert first.node.path(second.id).kind is PathKind.NONE
            assert first.reaches(third)
            begun = asyncio.get_running_loop().time()
            await first.node.look()
            assert asyncio.get_running_loop().time() == begun, "all was proved just now"

    run(main())


def test_a_path_on_a_network_of_ours_is_a_lan_path() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            network = first.node.roster.ipv4_range.supernet(new_prefix=8)
            first.node.set_local([first.endpoint], [network])
            assert first.node.path(second.id).kind is PathKind.DIRECT

    run(main())


def test_an_address_inside_the_mesh_is_never_probed() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            asked: list[Endpoint] = []
            world.internet.tap = lambda datagram, source, to: asked.append(to)
            inside = Endpoint(str(first.node.roster.devices[1].ipv4), 41820)
            first.node.learn(second.id, inside)
            first.node.roamed(second.id, inside)
            first.node.learn(second.id, Endpoint("127.0.0.1", 41820))
            await asyncio.sleep(30)
            assert asked
            assert {endpoint.host for endpoint in asked} == {
                first.endpoint.host,
                second.endpoint.host,
            }

    run(main())


def test_what_wireguard_hears_becomes_a_path() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            world.internet.attach(ELSEWHERE, second._receive)
            world.internet.detach(second.endpoint)
            second.endpoint = ELSEWHERE
            first.node.roamed(second.id, ELSEWHERE)
            await asyncio.sleep(3)
            assert first.reaches(second)

    run(main())


def test_wireguard_is_put_back_from_where_nobody_answers() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(1)
            before = first.observed.paths[second.id]
            for nowhere in (ELSEWHERE, Endpoint(str(first.node.roster.devices[1].ipv4), 41820)):
                first.node.roamed(second.id, nowhere)
                await asyncio.sleep(0.5)
                assert first.reaches(second)
                before += 1
                assert first.observed.paths[second.id] == before
            # What comes late, once more and again, costs no more than a few probes a second.
            for _ in range(1000):
                first.node.roamed(second.id, ELSEWHERE)
                await asyncio.sleep(0.002)
            await asyncio.sleep(1)
            assert before < first.observed.paths[second.id] <= before + 9

    run(main())


class Impostor:
    """Holds the packet key (as an anchor or an invitee does), and whatever else it is given."""

    def __init__(self, world: Mesh, victim: Machine, claimed: DeviceId) -> None:
        self.heard: list[MessageKind] = []
        self._victim = victim
        secret = victim.node.identity.generation.secret
        self.gossip_key = secret.gossip_key
        self.port = ControlPort(
            claimed,
            secret.packet_key,
            lambda datagram, to: world.internet.send(datagram, ELSEWHERE, to),
            NetworkTime(VirtualClock()),
            world.entropy,
        )
        world.internet.attach(ELSEWHERE, self._receive)

    def _receive(self, datagram: bytes, source: Endpoint) -> None:
        if incoming := self.port.open(datagram, source):
            self.heard.append(incoming.packet.kind)

    def send(self, kind: MessageKind, body: bytes) -> None:
        message_id = self.port.draw_message_id()
        self.port.send(kind, message_id, body, self._victim.endpoint)

    async def prove_address(self) -> None:
        """Learn a token to echo: every answer carries one, and a ping of the DHT is answered."""
        self.send(MessageKind.DHT_REQUEST, encode_request(Ping()))
        await asyncio.sleep(0.2)
        assert self.heard
        self.heard.clear()

    def gossip(self, sender: DeviceId, message: Message) -> None:
        body = seal_gossip(self.gossip_key, self.port.draw_nonce(), sender, message)
        self.send(MessageKind.GOSSIP, body)


SYNC = Sync(answer=True, log_digest=bytes(32), heads=(), sequences=())


def test_a_probe_of_no_member_is_not_answered() -> None:
    async def main() -> None:
        async with mesh() as world:
            victim = world.found()
            stranger = signing_key(20)
            impostor = Impostor(world, victim, stranger.public.device_id)
            own = victim.node.identity.signing.public
            key = device_box_key(stranger, own)
            for _ in range(5):
                nonce, message_id = impostor.port.draw_nonce(), impostor.port.draw_message_id()
                sender = stranger.public.device_id
                body = seal_probe(key, nonce, sender, victim.id, message_id)
                impostor.port.send(MessageKind.PROBE, message_id, body, victim.endpoint)
            await asyncio.sleep(2)
            assert impostor.heard == []

    run(main())


def test_a_probe_in_a_members_name_is_not_answered_and_moves_nothing() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            impostor = Impostor(world, first, second.id)
            impostor.send(MessageKind.PROBE, bytes(72))
            impostor.send(MessageKind.PROBE_REPLY, bytes(72))
            await asyncio.sleep(2)
            assert impostor.heard == []
            assert first.node.malformed["PROBE"] == 1
            assert first.node.malformed["PROBE_REPLY"] == 1
            assert first.reaches(second)

    run(main())


def test_gossip_of_no_member_is_ignored() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, _ = await world.grow(2)
            outsider = signing_key(20).public.device_id
            impostor = Impostor(world, first, outsider)
            await impostor.prove_address()
            before = first.node._gossip.received.total()
            for _ in range(3):
                impostor.gossip(outsider, SYNC)
                impostor.gossip(outsider, Fetch(()))
            await asyncio.sleep(0.2)
            assert MessageKind.GOSSIP not in impostor.heard
            assert first.node._gossip.received.total() == before

    run(main())


def test_gossip_from_an_address_that_proved_nothing_is_ignored() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            # A member's own words, but from where it may not be: the source could be a victim.
            impostor = Impostor(world, first, second.id)
            impostor.gossip(second.id, Fetch(()))
            await asyncio.sleep(0.2)
            assert impostor.heard == []

    run(main())


def test_members_tell_each_other_which_release_they_run() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(60)
            assert first.node.release(second.id) == second.node.release(second.id) == __version__
            for release in ("99.0", ""):
                # It is updated; or goes back to a release that does not say what it is.
                await second.stop()
                second.store.release = release
                second.restart()
                await eventually(lambda: first.reaches(second))
                await asyncio.sleep(60)
                assert first.node.release(second.id) == release

    run(main())


def test_who_is_out_leaves_no_release_behind() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(60)
            assert first.node.release(second.id)
            await first.node.rotator.revoke(second.node.identity.signing.public)
            await asyncio.sleep(1)
            assert not first.node.release(second.id)

    run(main())


def test_gossip_in_another_members_name_is_ignored() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            impostor = Impostor(world, first, second.id)
            await impostor.prove_address()
            impostor.gossip(third.id, Fetch(()))
            impostor.gossip_key = type(impostor.gossip_key)(bytes(32))
            impostor.gossip(second.id, Fetch(()))
            await asyncio.sleep(0.2)
            assert MessageKind.GOSSIP not in impostor.heard
            assert first.node.malformed["GOSSIP"] == 2

    run(main())


def test_in_a_large_network_one_that_knows_its_lan_alone_misses_its_other_neighbours() -> None:
    async def main() -> None:
        entropy = SeededEntropy(1)
        ledger = prepare(entropy, UNIX_START, 60)
        own = ledger.identities[0]
        key = own.generation.secret.packet_key
        clock = NetworkTime(VirtualClock())
        control = ControlPort(own.device, key, lambda *_: None, clock, entropy)
        peers = Peers(own.signing, control, *[lambda *_: None] * 4)
        peers.set_local([Endpoint("192.168.1.2", 1)], [IPv4Network("192.168.1.0/24")])
        peers.set_members(ledger.roster, ())
        *others, missing = ledger.roster.neighbourhood(own.device)

        def connect(device: DeviceId, endpoint: Endpoint) -> None:
            agent = peers._peers[device].agent
            agent.learn(endpoint, 0.0)
            [probe] = agent.poll(0.0)
            agent.handle_reply(probe.message_id, endpoint, 0.01)

        for number, device in enumerate(others[:3]):
            connect(device, Endpoint(f"192.168.1.{3 + number}", 1))
        assert peers.is_urgent(missing), "nobody says where we are seen"
        connect(others[3], Endpoint("203.0.113.1", 1))
        assert not peers.is_urgent(missing)

    run(main())
