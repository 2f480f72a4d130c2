"""How a network is administered: a real node, an engine that only remembers."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from meshdht.api.anchor_messages import CreateAnchorLink
from meshdht.api.device_messages import (
    ChangedDevice,
    Device,
    DeviceChange,
    ExpireDevice,
    GrantAdmin,
    RemoveAdmin,
    RenameDevice,
    TagDevice,
)
from meshdht.api.invite_messages import RevokeInvite
from meshdht.api.log_messages import GetLog
from meshdht.api.messages import CreateInvite
from meshdht.daemon.administering import addresses_of
from meshdht.errors import InvalidName, LinkError, MeshdhtError, StateError, UsageError
from meshdht.membership.link import parse_link
from simulations.loop import run
from tests.daemon.served import Served, served


def test_the_devices_are_all_of_the_roster_this_one_included() -> None:
    async def main() -> None:
        async with served(3) as (_, [first, second, third]):
            await third.machine.stop()
            await asyncio.sleep(60)
            devices = (await second.service.administration.devices()).devices
            assert [each.name for each in devices] == ["d0", "d1", "d2"]
            assert [each.admin for each in devices] == [True, False, False]
            assert [each.this_device for each in devices] == [False, True, False]
            assert [each.online for each in devices] == [True, True, False]
            assert devices[0].id == str(first.machine.id)
            identity = first.machine.node.identity
            assert devices[0].signing_key == identity.signing.public.raw.hex()
            assert devices[0].wireguard_key == str(identity.wireguard.public)

    run(main())


def test_a_device_without_ipv4_has_one_address() -> None:
    async def main() -> None:
        async with served(1) as (_, [first]):
            own = first.machine.node.own
            assert own is not None
            assert addresses_of(own) == (str(own.ipv4), str(own.ipv6))
            assert addresses_of(replace(own, ipv4=None)) == (str(own.ipv6),)

    run(main())


async def change(served: Served, request: DeviceChange) -> ChangedDevice:
    return await served.service.administration.change(request)


def statements(served: Served) -> int:
    return len(served.machine.node.holdings.log)


async def lines(served: Served) -> dict[str, Device]:
    """The roster, as this device tells it."""
    return {each.name: each for each in (await served.service.administration.devices()).devices}


def test_an_admin_makes_another_which_may_then_invite_and_take_admin_back() -> None:
    async def main() -> None:
        async with served(3) as (_, (first, second, third)):
            told = await change(first, GrantAdmin(device="d1"))
            assert (told.network, told.device.name, told.device.admin) == ("home", "d1", True)
            assert told.changed
            await asyncio.sleep(1)
            assert (await lines(third))["d1"].admin
            await second.service.invite(CreateInvite())
            assert not (await change(second, RemoveAdmin(device="d0"))).device.admin
            await asyncio.sleep(1)
            with pytest.raises(MeshdhtError, match="only an admin may invite") as raised:
                await first.service.invite(CreateInvite())
            assert raised.value.hint == "run it on one of: d1"

    run(main())


def test_an_admin_may_take_admin_from_itself_but_the_last_one_stays() -> None:
    async def main() -> None:
        async with served(2) as (_, (first, second)):
            before = statements(first)
            with pytest.raises(MeshdhtError, match="d0 is the only admin") as raised:
                await change(first, RemoveAdmin(device="d0"))
            assert "meshdht admin add" in raised.value.hint
            with pytest.raises(MeshdhtError, match="d0 is the only admin"):
                await change(first, ExpireDevice(device="d0", after_s=60))
            assert statements(first) == before
            await change(first, GrantAdmin(device="d1"))
            await change(first, RemoveAdmin(device="d0"))
            await asyncio.sleep(1)
            assert [each.name for each in (await lines(second)).values() if each.admin] == ["d1"]

    run(main())


def test_a_device_has_the_tags_that_it_was_given_last() -> None:
    async def main() -> None:
        async with served(2) as (_, (first, second)):
            told = await change(first, TagDevice(device="d1", tags=("server", "home", "home")))
            assert told.device.tags == ("home", "server")
            await asyncio.sleep(1)
            assert (await lines(second))["d1"].tags == ("home", "server")
            assert (await change(first, TagDevice(device="d1", tags=()))).device.tags == ()
            for tags in (("My Tag",), ("x" * 33,), tuple(f"t{n}" for n in range(9))):
                with pytest.raises(UsageError, match="tag"):
                    await change(first, TagDevice(device="d1", tags=tags))

    run(main())


def test_a_date_of_expiry_counts_from_now_and_can_be_taken_back() -> None:
    async def main() -> None:
        async with served(2) as (_, (first, second)):
            told = await change(first, ExpireDevice(device="d1", after_s=3600))
            assert told.device.expires == int(first.machine.clock.unix()) + 3600
            await asyncio.sleep(1)
            assert (await lines(second))["d1"].expires == told.device.expires
            assert (await change(first, ExpireDevice(device="d1", after_s=None))).changed
            assert (await lines(first))["d1"].expires is None

    run(main())


def test_a_device_renames_itself_and_nobody_else() -> None:
    async def main() -> None:
        async with served(3) as (_, (first, second, third)):
            assert (await change(second, RenameDevice(device="d1", name="pi"))).device.name == "pi"
            await asyncio.sleep(1)
            assert set(await lines(third)) == {"d0", "pi", "d2"}
            with pytest.raises(MeshdhtError, match="only an admin may rename another device"):
                await change(second, RenameDevice(device="d2", name="tv"))
            await change(first, RenameDevice(device="pi", name="attic"))
            assert set(await lines(first)) == {"d0", "attic", "d2"}

    run(main())


def test_a_name_that_is_taken_or_none_is_refused() -> None:
    async def main() -> None:
        async with served(2) as (_, (first, _)):
            before = statements(first)
            with pytest.raises(UsageError, match="another device is called 'd1'"):
                await change(first, RenameDevice(device="d0", name="d1"))
            with pytest.raises(InvalidName, match="'d 1' cannot be a device name"):
                await change(first, RenameDevice(device="d0", name="d 1"))
            assert statements(first) == before

    run(main())


@pytest.mark.parametrize(
    "request_",
    [
        RenameDevice(device="d1", name="d1"),
        TagDevice(device="d1", tags=()),
        ExpireDevice(device="d1", after_s=None),
        GrantAdmin(device="d0"),
        RemoveAdmin(device="d1"),
    ],
)
def test_what_is_so_already_is_not_said_again(request_: DeviceChange) -> None:
    async def main() -> None:
        async with served(2) as (_, (first, _)):
            before = statements(first)
            assert not (await change(first, request_)).changed
            assert statements(first) == before

    run(main())


@pytest.mark.parametrize(
    "request_",
    [
        TagDevice(device="d0", tags=("a",)),
        ExpireDevice(device="d0", after_s=60),
        GrantAdmin(device="d1"),
        RemoveAdmin(device="d0"),
    ],
)
def test_a_member_that_is_no_admin_is_told_who_is(request_: DeviceChange) -> None:
    async def main() -> None:
        async with served(2) as (_, (_, second)):
            with pytest.raises(MeshdhtError, match="only an admin may") as raised:
                await change(second, request_)
            assert raised.value.hint == "run it on one of: d0"

    run(main())


def test_a_device_that_nobody_knows_is_answered_with_those_known() -> None:
    async def main() -> None:
        async with served(2) as (_, (first, _)):
            with pytest.raises(UsageError, match="no device 'd7'") as raised:
                await change(first, GrantAdmin(device="d7"))
            assert raised.value.hint == "known are: d0, d1"

    run(main())


def test_what_the_disk_refuses_is_said() -> None:
    async def main() -> None:
        async with served(2) as (_, (first, _)):
            first.machine.store.failing = True
            with pytest.raises(StateError, match="disk"):
                await change(first, GrantAdmin(device="d1"))

    run(main())


def test_invites_beyond_what_fits_an_answer_are_the_old_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("meshdht.daemon.administering.INVITES_MAX", 2)

    async def main() -> None:
        async with served(1) as (_, (first,)):
            for name in ("a", "b", "c"):
                await first.service.invite(CreateInvite(name=name))
            told = await first.service.administration.invites()
            assert [each.name for each in told.invites] == ["b", "c"]

    run(main())


def test_invites_say_who_wrote_them_and_what_became_of_them() -> None:
    async def main() -> None:
        async with served(2) as (world, (first, second)):
            await change(first, GrantAdmin(device="d1"))
            await asyncio.sleep(1)
            link = parse_link((await second.service.invite(CreateInvite(name="tv", uses=2))).link)
            await first.service.anchor_link(CreateAnchorLink(expires_s=60))
            await asyncio.sleep(1)
            await world.ask(link, name="tv")
            await asyncio.sleep(70)
            told = (await first.service.administration.invites()).invites
            used_up, opened, expired = told
            assert (used_up.state, used_up.used_by, used_up.by) == ("used up", ("d1",), "d0")
            assert (opened.state, opened.name, opened.by) == ("open", "tv", "d1")
            assert (opened.uses, opened.used, opened.used_by) == (2, 1, ("tv",))
            assert opened.key == link.invite.invite_public.raw.hex()
            assert (expired.state, expired.role, expired.used_by) == ("expired", "anchor", ())

    run(main())


def test_an_invite_that_was_revoked_lets_nobody_in() -> None:
    async def main() -> None:
        async with served(2) as (world, (first, second)):
            link = parse_link((await first.service.invite(CreateInvite())).link)
            key = link.invite.invite_public.raw.hex()
            closed = await first.service.administration.revoke_invite(RevokeInvite(invite=key[:6]))
            assert (closed.changed, closed.invite.state) == (True, "revoked")
            with pytest.raises(LinkError, match="revoked"):
                await world.ask(link)
            again = await first.service.administration.revoke_invite(RevokeInvite(invite=key))
            assert not again.changed
            await asyncio.sleep(1)
            with pytest.raises(MeshdhtError, match="only an admin may revoke an invite"):
                await second.service.administration.revoke_invite(RevokeInvite(invite=key))

    run(main())


def test_an_invite_that_is_none_or_several_is_answered_with_those_there_are() -> None:
    async def main() -> None:
        async with served(2) as (_, (first, _)):
            for _ in range(17):
                await first.service.invite(CreateInvite())
            ids = [each.id for each in (await first.service.administration.invites()).invites]
            doubled = next(each[0] for each in ids if sum(each[0] == id[0] for id in ids) > 1)
            with pytest.raises(UsageError, match="several invites begin with") as raised:
                await first.service.administration.revoke_invite(RevokeInvite(invite=doubled))
            assert all(each in raised.value.hint for each in ids if each[0] == doubled)
            with pytest.raises(UsageError, match="no invite begins with 'laptop'") as raised:
                await first.service.administration.revoke_invite(RevokeInvite(invite="laptop"))
            assert ids[-1] in raised.value.hint

    run(main())


def test_the_log_tells_who_did_what_and_the_newest_alone_if_asked() -> None:
    async def main() -> None:
        async with served(2) as (_, (first, second)):
            await change(first, RenameDevice(device="d1", name="pi"))
            await asyncio.sleep(1)
            told = await second.service.administration.log(GetLog())
            assert (told.network, told.total) == ("home", 4)
            said = [f"{each.who} {each.what}" for each in told.entries]
            assert said[0] == "d0 founded the network home"
            assert said[2:] == ["d0 admitted d1", "d0 renamed d1 to pi"]
            newest = told.entries[-1]
            assert newest.key == first.machine.node.identity.signing.public.raw.hex()
            assert (newest.author, newest.about) == (str(first.machine.id), str(second.machine.id))
            assert newest.reason == ""
            last = await second.service.administration.log(GetLog(count=1))
            assert (last.total, last.entries) == (4, (newest,))

    run(main())
