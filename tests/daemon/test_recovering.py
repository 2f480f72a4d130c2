"""The only admin's device is lost: another one takes over by the recovery key."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.api.device_messages import GrantAdmin, Recover
from meshdht.api.log_messages import GetLog
from meshdht.api.messages import CreateInvite
from meshdht.api.removal_messages import Revoke
from meshdht.crypto.keys import RecoveryKey
from meshdht.errors import MeshdhtError, UsageError
from meshdht.membership.link import parse_link
from meshdht.membership.recovery import spell
from simulations.loop import run
from tests.daemon.served import Served, served
from tests.support.mesh import RECOVERY


def admins(device: Served) -> list[str]:
    return [each.name for each in device.machine.node.roster if each.admin]


def test_a_device_recovers_the_network_revokes_the_lost_one_and_the_network_goes_on() -> None:
    async def main() -> None:
        async with served(3) as (world, (lost, second, third)):
            await lost.machine.stop()
            with pytest.raises(MeshdhtError, match="only an admin may"):
                await second.service.invite(CreateInvite())
            told = await second.service.administration.recover(Recover(key=spell(RECOVERY)))
            assert (told.device.name, told.device.admin, told.changed) == ("d1", True, True)
            await second.service.administration.revoke(Revoke(device="d0"))
            await asyncio.sleep(5)
            for device in (second, third):
                assert [each.name for each in device.machine.node.roster] == ["d1", "d2"]
                assert admins(device) == ["d1"]
                assert device.machine.node.identity.generation.number == 2
            link = (await second.service.invite(CreateInvite())).link
            newcomer = await world.join(parse_link(link))
            await second.service.administration.change(GrantAdmin(device="d2"))
            await asyncio.sleep(5)
            assert len(newcomer.node.roster) == 3
            assert admins(third) == ["d1", "d2"]
            entries = (await third.service.administration.log(GetLog(count=20))).entries
            said = [f"{each.who} {each.what}" for each in entries]
            assert "the recovery key made d1 an admin" in said

    run(main())


def test_a_wrong_key_changes_nothing_and_is_not_repeated() -> None:
    async def main() -> None:
        async with served(2) as (_, (_first, second)):
            before = len(second.machine.node.holdings.log)
            other = spell(RecoveryKey(bytes(32)))
            for key, said in ((other, "another network"), (other[:-1], "this text 55")):
                with pytest.raises(UsageError, match=said) as raised:
                    await second.service.administration.recover(Recover(key=key))
                assert key not in f"{raised.value} {raised.value.hint}"
            assert len(second.machine.node.holdings.log) == before
            assert admins(second) == ["d0"]

    run(main())
