"""What the local API offers: a real node, an engine that only remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import ip_address

import msgspec
import pytest

from meshdht import __version__
from meshdht.api.anchor_messages import CreateAnchorLink, GetAnchorStatus
from meshdht.api.errors import ApiError
from meshdht.api.messages import CreateInvite, PeerPath, Ping, Snapshot
from meshdht.daemon.service import path_line
from meshdht.endpoint import Endpoint
from meshdht.engine.backend import PeerStats
from meshdht.errors import InvalidName, MeshdhtError, PlatformError, StateError, UsageError
from meshdht.limits import LINK_HINTS_MAX
from meshdht.membership.anchor_link import parse_anchor_link
from meshdht.membership.link import Link, parse_link
from meshdht.membership.statements import Role
from meshdht.paths.candidate import PathKind
from meshdht.paths.pace import KEEPALIVE_S
from simulations.loop import run
from tests.daemon.served import Served, served
from tests.support.anchor import Holder
from tests.support.anchor import link_of as anchor_link_of
from tests.support.mesh import eventually


def keys(struct: msgspec.Struct) -> set[str]:
    return set(msgspec.to_builtins(struct))


def test_the_status_has_the_keys_that_the_api_promises() -> None:
    async def main() -> None:
        async with served(2) as (_, [first, second]):
            wireguard = second.machine.node.identity.wireguard.public
            stats = PeerStats(second.machine.endpoint, first.machine.clock.unix() - 7, 10, 20)
            first.engine.traffic[wireguard] = stats
            await asyncio.sleep(3)
            status = await first.service.status()
            assert keys(status) == {
                "version", "network", "engine", "device", "peers", "daemon", "uptime_s",
                "listen_port", "dropped", "clocks", "copy_heard", "held_out_by", "applicants",
                "engine_reason", "engine_features", "engine_lacks", "engine_trouble",
                "interface", "router_ports", "relay", "stream", "names", "protocol",
                "other_versions",
            }  # fmt: skip
            assert keys(status.device) == {"name", "id", "addresses"}
            [peer] = status.peers
            assert keys(peer) == {
                "name", "id", "addresses", "online", "path", "handshake_age_s", "rtt_ms",
                "rx_bytes", "tx_bytes", "loss", "tags", "release",
            }  # fmt: skip
            assert (status.network, status.engine, status.daemon) == ("home", "fake", __version__)
            assert (status.engine_features, status.engine_lacks) == (("speed",), ("more speed",))
            assert (status.engine_trouble, status.interface) == ("it only remembers", "mesh-home")
            assert (status.listen_port, status.uptime_s) == (41820, 3.0)
            assert (peer.name, peer.id, peer.online) == ("d1", str(second.machine.id), True)
            there = str(second.machine.endpoint)
            assert peer.path == PeerPath(kind="direct", endpoint=there)
            first.path_mtus[second.machine.id] = 1328
            [limited] = (await first.service.status()).peers
            assert limited.path == PeerPath(kind="direct", endpoint=there, mtu=1328)
            assert (peer.handshake_age_s, peer.rx_bytes, peer.tx_bytes) == (10.0, 10, 20)
            assert (peer.rtt_ms, peer.loss, peer.tags) == (40.0, None, ())
            assert peer.release == __version__
            assert [ip_address(each).version for each in peer.addresses] == [4, 6]

    run(main())


def test_a_peer_that_is_off_is_offline_with_no_path() -> None:
    async def main() -> None:
        async with served(2) as (_, [first, second]):
            await second.machine.stop()
            await asyncio.sleep(60)
            [peer] = (await first.service.status()).peers
            assert not peer.online
            assert peer.path == PeerPath(why=peer.path.why)
            assert "it is off" in peer.path.why
            assert peer.rtt_ms is peer.handshake_age_s is None

    run(main())


def test_an_invite_lets_a_device_in() -> None:
    async def main() -> None:
        async with served(1) as (world, [first]):
            invite = await first.service.invite(CreateInvite(name="laptop", expires_s=600))
            link = parse_link(invite.link)
            assert link.suggested_name == "laptop"
            assert invite.expires == link.expires == int(first.machine.clock.unix()) + 600
            assert link.hints == (first.machine.endpoint,)
            await world.ask(link)
            assert len(first.machine.node.roster) == 2

    run(main())


def test_who_has_no_network_is_told_so_instead_of_given_a_link_that_leads_nowhere() -> None:
    async def main() -> None:
        async with served(1) as (_, [first]):
            first.machine.node.set_local([], [])
            statements = len(first.machine.node.holdings.log)
            with pytest.raises(PlatformError, match="no address"):
                await first.service.invite(CreateInvite())
            assert len(first.machine.node.holdings.log) == statements
            # An anchor may be found by the devices instead.
            assert (await first.service.anchor_link(CreateAnchorLink())).link

    run(main())


def test_a_device_comes_in_on_the_terms_of_its_invite() -> None:
    async def main() -> None:
        async with served(1) as (world, [first]):
            asked = CreateInvite(tags=("lab", "ci", "lab"), ephemeral_s=600)
            invite = await first.service.invite(asked)
            assert (invite.tags, invite.ephemeral_s, invite.approve) == (("ci", "lab"), 600, False)
            joined = await world.ask(parse_link(invite.link))
            device = first.machine.node.roster.device(joined.identity.device)
            assert device is not None
            assert (device.tags, device.ephemeral_s) == (("ci", "lab"), 600)
            with pytest.raises(UsageError, match="too short"):
                await first.service.invite(CreateInvite(ephemeral_s=59))
            with pytest.raises(InvalidName, match="tag"):
                await first.service.invite(CreateInvite(tags=("No Tag",)))

    run(main())


def test_only_an_admin_invites_and_the_others_are_told_who_is() -> None:
    async def main() -> None:
        async with served(2) as (_, [_, second]):
            with pytest.raises(MeshdhtError, match="only an admin") as raised:
                await second.service.invite(CreateInvite())
            assert "d0" in raised.value.hint

    run(main())


def test_an_invite_that_is_not_on_disk_is_not_given_out() -> None:
    async def main() -> None:
        async with served(1) as (_, [first]):
            first.machine.store.failing = True
            with pytest.raises(StateError):
                await first.service.invite(CreateInvite())
            with pytest.raises(InvalidName):
                await first.service.invite(CreateInvite(name="My Laptop"))

    run(main())


async def link_of(served: Served) -> Link:
    return parse_link((await served.service.invite(CreateInvite())).link)


def test_a_link_names_the_others_too_for_when_we_are_off() -> None:
    async def main() -> None:
        async with served(3) as (_, [first, second, third]):
            hints = (await link_of(first)).hints
            assert hints[0] == first.machine.endpoint
            assert set(hints[1:]) == {second.machine.endpoint, third.machine.endpoint}
            await second.machine.stop()
            await eventually(lambda: not first.machine.reaches(second.machine), 300)
            others = (await link_of(first)).hints[1:]
            assert others == (third.machine.endpoint, second.machine.endpoint)

    run(main())


@pytest.mark.parametrize("host", ["192.168.{}.1", "fd00::{}"])
def test_a_link_names_where_the_world_sees_us_however_many_interfaces_there_are(
    host: str,
) -> None:
    async def main() -> None:
        async with served(3) as (_, [first, *_]):
            inside = [Endpoint(host.format(number), 41820) for number in range(1, 30)]
            # Where no interface has an IPv4 address, nothing is sent to one.
            inside.append(Endpoint("10.0.0.2", 41820))
            first.machine.node.set_local(inside, [])
            await asyncio.sleep(30)
            hints = (await link_of(first)).hints
            assert len(hints) == LINK_HINTS_MAX
            assert first.machine.endpoint in hints
            assert inside[0] in hints

    run(main())


@pytest.mark.parametrize(
    "named",
    [
        lambda other: "d1",
        lambda other: "d1.home",
        lambda other: "d1.home.internal",
        lambda other: str(other.machine.id),
        lambda other: str(other.machine.node.own.ipv4),
        lambda other: str(other.machine.node.own.ipv6),
    ],
)
def test_a_peer_is_pinged_by_name_id_or_mesh_address(named: Callable[[Served], str]) -> None:
    async def main() -> None:
        async with served(2) as (_, [first, second]):
            [pong] = await first.pings(Ping(peer=named(second)))
            assert (pong.peer, pong.sequence, pong.rtt_ms) == ("d1", 0, 40.0)
            assert pong.path.kind == "direct"

    run(main())


@pytest.mark.parametrize(
    ("peer", "message", "hint"),
    [
        ("nobody", "no device 'nobody'", "known are: d1"),
        ("d1.work", "no device", "known are: d1"),
        ("100.99.0.0", "no device", "known are: d1"),
        ("d0", "is this device", "another"),
    ],
)
def test_a_ping_of_nobody_names_who_there_is(peer: str, message: str, hint: str) -> None:
    async def main() -> None:
        async with served(2) as (_, [first, _]):
            with pytest.raises(UsageError, match=message) as raised:
                await first.pings(Ping(peer=peer))
            assert hint in raised.value.hint

    run(main())


def test_a_ping_alone_in_the_network_says_to_invite() -> None:
    async def main() -> None:
        async with served(1) as (_, [first]):
            with pytest.raises(UsageError) as raised:
                await first.pings(Ping(peer="d1"))
            assert "meshdht invite" in raised.value.hint

    run(main())


def test_pings_are_a_second_apart_and_go_on_if_asked() -> None:
    async def main() -> None:
        async with served(2) as (_, [first, second]):
            begun = asyncio.get_running_loop().time()
            pongs = await first.pings(Ping(peer="d1", count=4, until_direct=False))
            assert [pong.sequence for pong in pongs] == [0, 1, 2, 3]
            assert asyncio.get_running_loop().time() - begun == pytest.approx(3.16)
            await second.machine.stop()
            pongs = await first.pings(Ping(peer="d1", count=2, timeout_s=0.5))
            assert [pong.rtt_ms for pong in pongs] == [None, None]
            assert {pong.path.kind for pong in pongs} == {"none"}
            assert "it is off" in pongs[-1].path.why

    run(main())


def test_events_begin_with_the_whole_status() -> None:
    async def main() -> None:
        async with served(2) as (_, [first, _]):
            async for event in first.service.events():
                assert isinstance(event, Snapshot)
                assert [peer.name for peer in event.status.peers] == ["d1"]
                break

    run(main())


def test_down_tells_the_daemon_to_stop() -> None:
    async def main() -> None:
        async with served(1) as (_, [first]):
            await first.service.down()
            assert first.stops == [True]

    run(main())


def test_a_path_is_its_kind_and_where_it_leads() -> None:
    assert path_line(PathKind.NONE, None) == PeerPath(kind="none", endpoint=None)
    there = Endpoint("2001:db8::1", 5)
    assert path_line(PathKind.LAN, there) == PeerPath(kind="lan", endpoint="[2001:db8::1]:5")


def test_an_admin_hands_out_an_anchor_link_and_nobody_else() -> None:
    async def main() -> None:
        async with served(2) as (_, [first, second]):
            asked = CreateAnchorLink(name="vps", expires_s=60, uses=2)
            made = await first.service.anchor_link(asked)
            link = parse_anchor_link(made.link)
            assert link.packet_key == first.machine.node.identity.generation.secret.packet_key
            assert first.machine.endpoint in link.hints
            assert (link.suggested_name, link.expires) == ("vps", made.expires)
            invite = first.machine.node.roster.invite(link.invite.invite_public, Role.ANCHOR)
            assert invite is not None
            assert invite.uses == 2
            with pytest.raises(MeshdhtError, match="only an admin may hand out an anchor link"):
                await second.service.anchor_link(asked)
            with pytest.raises(ApiError, match="a network, not an anchor"):
                await first.service.answer(GetAnchorStatus())

    run(main())


def test_anchors_are_listed_apart_from_devices_with_where_they_answered() -> None:
    async def main() -> None:
        async with served(2) as (world, [first, second]):
            anchor = Holder(world, await anchor_link_of(first.machine))
            await eventually(lambda: second.machine.node.contact(anchor.id) is not None, 60)
            (listed,) = (await second.service.anchors()).anchors
            assert (listed.name, listed.id, listed.added_by) == ("vps", str(anchor.id), "d0")
            assert listed.endpoint == str(anchor.endpoint)
            assert listed.seen is not None
            assert len((await second.service.administration.devices()).devices) == 2
            assert len((await second.service.status()).peers) == 1

    run(main())


def test_the_status_and_those_who_watch_see_that_an_idle_peer_is_gone() -> None:
    async def main() -> None:
        async with served(3) as (_, [first, second, third]):
            await asyncio.sleep(6 * 3600)
            await second.machine.stop(crash=True)
            # A proof that is no older than this would do.
            await asyncio.sleep(KEEPALIVE_S)
            off = {peer.name for peer in (await first.service.status()).peers if not peer.online}
            assert off == {"d1"}
            events = third.service.events()
            assert isinstance(await anext(events), Snapshot)
            await asyncio.sleep(3)
            assert not third.machine.reaches(second.machine)

    run(main())
