"""How a device comes into a network, and the keys it keeps until it is in."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from meshdht.api.launch import Create, Join, Reporter
from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import SigningKey
from meshdht.daemon.founding import JoinerUser, PendingKeys, found, join
from meshdht.daemon.streams import StreamClient
from meshdht.daemon.switchboard import Switchboard
from meshdht.endpoint import LOOPBACK, Endpoint
from meshdht.errors import InvalidName, LinkError, RangeOverlap, StateError, UsageError
from meshdht.membership.fold import fold
from meshdht.membership.link import Link, LinkAnchor
from meshdht.membership.recovery import write_recovery
from meshdht.membership.statements import NO_TERMS, Terms
from meshdht.net.netlink import LocalRange
from meshdht.node.cut_off import PATIENCE_S
from meshdht.node.joining import Joined
from meshdht.node.meeting import JoinMeetings
from meshdht.paths.candidate import PathKind
from simulations.loop import VirtualClock, run
from tests.daemon.stand_ins import FakeNetlink, FakePort
from tests.support.mesh import eventually, mesh


async def a_link() -> Link:
    async with mesh() as world:
        return await world.found().invite()


LINK = run(a_link())


def netlink(*taken: LocalRange) -> Any:
    return FakeNetlink(overlapping=taken)


# --- founding --------------------------------------------------------------------------------


def test_a_founder_is_the_first_admin_of_a_network_of_one() -> None:
    async def main() -> None:
        request = Create(network="home", name="nas", ipv4_range="10.50.0.0/16")
        identity, log, recovery = await found(request, netlink(), VirtualClock(), SeededEntropy(1))
        roster = fold(log)
        [device] = roster
        assert roster.network_name == "home"
        write_recovery(log, device, recovery, unix_ms=0).verify()
        assert str(roster.ipv4_range) == "10.50.0.0/16"
        assert (device.name, device.admin) == ("nas", True)
        assert device.id == identity.device
        assert device.wireguard_key == identity.wireguard.public

    run(main())


def test_the_default_range_avoids_what_the_machine_has() -> None:
    async def main() -> None:
        request = Create(network="home", name="nas")
        _, log, _ = await found(request, netlink(), VirtualClock(), SeededEntropy(1))
        first = fold(log).ipv4_range
        taken = netlink(LocalRange(first, "tailscale0"))
        _, log, _ = await found(request, taken, VirtualClock(), SeededEntropy(1))
        assert not fold(log).ipv4_range.overlaps(first)

    run(main())


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (Create(network="Home", name="nas"), InvalidName),
        (Create(network="home", name="my nas"), InvalidName),
        (Create(network="home", name="nas", ipv4_range="10.0.0.0/33"), UsageError),
        (Create(network="home", name="nas", ipv4_range="10.5.0.0/16"), RangeOverlap),
    ],
)
def test_what_cannot_be_founded_is_refused(request_: Create, error: type[Exception]) -> None:
    async def main() -> None:
        taken = netlink(LocalRange(IPv4Network("10.0.0.0/8"), "eth0"))
        with pytest.raises(error):
            await found(request_, taken, VirtualClock(), SeededEntropy(1))

    run(main())


# --- pending keys ----------------------------------------------------------------------------


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def test_the_keys_of_an_attempt_are_kept_for_the_next_one(tmp_path: Path) -> None:
    pending = PendingKeys(tmp_path / "state", LINK)
    keys = pending.take(SeededEntropy(1))
    assert PendingKeys(tmp_path / "state", LINK).take(SeededEntropy(2)) == keys
    pending.forget()
    assert files(tmp_path / "state") == []
    assert pending.take(SeededEntropy(2)) != keys
    pending.forget()
    pending.forget()


def test_nobody_else_may_read_them(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        PendingKeys(tmp_path / "state", LINK).take(SeededEntropy(1))
    finally:
        os.umask(before)
    [path] = files(tmp_path / "state")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_keys_cut_short_are_drawn_anew(tmp_path: Path) -> None:
    pending = PendingKeys(tmp_path, LINK)
    keys = pending.take(SeededEntropy(1))
    [path] = files(tmp_path)
    path.write_bytes(path.read_bytes()[:40])
    assert pending.take(SeededEntropy(2)) != keys
    assert len(path.read_bytes()) == 64


def test_the_files_name_gives_no_secret_away(tmp_path: Path) -> None:
    PendingKeys(tmp_path, LINK).take(SeededEntropy(1))
    [path] = files(tmp_path)
    assert LINK.invite.raw.hex()[:16] not in path.name


def test_a_disk_that_takes_no_keys_is_an_error_for_the_user(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, where a directory should be")
    with pytest.raises(StateError, match="cannot write") as raised:
        PendingKeys(tmp_path / "state", LINK).take(SeededEntropy(1))
    assert raised.value.hint


def test_a_full_disk_is_an_error_for_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError, match="No space left"):
        PendingKeys(tmp_path, LINK).take(SeededEntropy(1))


# --- joining ---------------------------------------------------------------------------------


async def joined(
    tmp_path: Path,
    *,
    name: str | None = None,
    expires_s: int = 3600,
    terms: Terms = NO_TERMS,
    patience_s: int = 3600,
) -> Joined:
    """Join a mesh of one through the port of a second machine."""
    async with mesh() as world:
        first = world.found()
        link = await first.invite(expires_s=expires_s, terms=terms)
        await world.ask(link) if name == "late" else None
        switchboard, here = Switchboard(), Endpoint("198.18.200.1", 41820)
        port: Any = FakePort(lambda datagram, to: world.internet.send(datagram, here, to))
        world.internet.attach(here, switchboard.control_received)
        pending = PendingKeys(tmp_path, link)
        clock, entropy = VirtualClock(), SeededEntropy(5)
        request = Join(link=str(link), name=name, patience_s=patience_s)
        streams = StreamClient(here.port, clock, entropy)
        reporter = Reporter(None)
        return await join(
            request, link, pending, port, streams, switchboard, clock, entropy, reporter
        )


def test_a_joiner_uses_the_name_asked_for_and_keeps_its_keys(tmp_path: Path) -> None:
    result = run(joined(tmp_path, name="laptop"))
    assert fold(result.log).named("laptop") is not None
    assert len(files(tmp_path)) == 1


def test_a_joiner_without_a_name_takes_its_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Büro PC.example.net")
    assert fold(run(joined(tmp_path)).log).named("buro-pc") is not None
    monkeypatch.setattr(socket, "gethostname", lambda: "___")
    assert fold(run(joined(tmp_path / "2")).log).named("device") is not None


def test_a_final_refusal_forgets_the_keys(tmp_path: Path) -> None:
    with pytest.raises((LinkError, ExceptionGroup)) as raised:
        run(joined(tmp_path, name="late"))
    assert "used up" in str(getattr(raised.value, "exceptions", [raised.value])[0])
    assert files(tmp_path) == []


def test_a_joiner_that_waits_for_approval_says_what_to_run_and_keeps_its_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        run(joined(tmp_path, name="pi", terms=Terms(approval=True), patience_s=60))
    assert "no admin of 'home' has approved" in str(raised.value.exceptions[0])
    said = capsys.readouterr().err
    [seeds] = files(tmp_path)
    device = SigningKey(seeds.read_bytes()[:32]).public.device_id
    assert said.count("waiting for approval") == 1
    assert f"on an admin's device: meshdht approve pi  (id {device})" in said


def test_a_link_past_its_time_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    async def main() -> None:
        pending = PendingKeys(tmp_path, LINK)
        late = VirtualClock(skew=2 * 86400)
        port: Any = FakePort(lambda datagram, to: pytest.fail("sent something"))
        with pytest.raises(LinkError, match="expired"):
            await join(
                Join(link=str(LINK)),
                LINK,
                pending,
                port,
                StreamClient(1, late, SeededEntropy(1)),
                Switchboard(),
                late,
                SeededEntropy(1),
                Reporter(None),
            )
        assert files(tmp_path) == []

    run(main())


def test_a_joiner_that_hears_nobody_is_cut_off_and_asks_by_a_leg_too() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await first.invite()
            leg = Endpoint(LOOPBACK, 50001)
            joiner = world.joiner(link, "laptop", Endpoint("198.18.200.1", 41820))
            meetings = JoinMeetings(link, first.id, joiner._control, joiner)
            user = JoinerUser(link, joiner, meetings, joiner._control)
            world.internet.blocked = lambda source, to: True
            async with asyncio.TaskGroup() as tasks:
                asking = tasks.create_task(joiner.run(link.hints, 30))
                await asyncio.sleep(PATIENCE_S - 0.1)
                assert not user.finds_cut_off()
                await asyncio.sleep(0.2)
                assert user.finds_cut_off()
                assert user.servers() == [Endpoint(first.endpoint.host, 443)]
                assert user.packet_key() == link.packet_key
                sent: list[Endpoint] = []
                world.internet.tap = lambda data, source, to: sent.append(to)
                user.ask_to_enter(leg)
                await eventually(lambda: leg in sent)
                user.leg_closed(leg)
                sent.clear()
                await asyncio.sleep(3)
                assert sent
                assert leg not in sent
                asking.cancel()

    run(main())


def test_a_leg_to_an_anchor_is_not_asked_by_and_another_at_the_same_endpoint_is() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            anchor = LinkAnchor(first.id, Endpoint("203.0.113.9", 41820))
            link = replace(await first.invite(), anchors=(anchor,))
            leg = Endpoint(LOOPBACK, 50001)
            joiner = world.joiner(link, "laptop", Endpoint("198.18.200.1", 41820))
            meetings = JoinMeetings(link, first.id, joiner._control, joiner)
            user = JoinerUser(link, joiner, meetings, joiner._control)
            sent: list[Endpoint] = []
            world.internet.tap = lambda data, source, to: sent.append(to)
            for host, asked in ((anchor.endpoint.host, []), (first.endpoint.host, [leg])):
                stream = Endpoint(host, 443)
                user.leg_opened(leg, PathKind.DIRECT, lambda port: None, stream)
                user.ask_to_enter(leg)
                assert sent == asked
                user.leg_closed(leg)
                assert meetings._places[anchor.id].main == anchor.endpoint

    run(main())
