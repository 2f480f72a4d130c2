"""Approvals as the local API has them: whom a name means, and who may say so."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.api.approval_messages import Decide
from meshdht.api.messages import CreateInvite
from meshdht.errors import MeshdhtError, UsageError
from meshdht.membership.link import Link, parse_link
from simulations.loop import run
from tests.daemon.served import Served, served
from tests.membership.household import signing_key
from tests.node.test_approvals import claim_of


async def link_of(admin: Served) -> Link:
    asked = CreateInvite(uses=5, tags=("guest",), ephemeral_s=600, approve=True)
    return parse_link((await admin.service.invite(asked)).link)


def test_who_waits_is_shown_with_what_its_invite_gives_it() -> None:
    async def main() -> None:
        async with served(1) as (_, [admin]):
            claim = claim_of(await link_of(admin), signing_key(3))
            admin.machine.node.approvals.ask(claim)
            await asyncio.sleep(5)
            [pi] = (await admin.service.administration.approvals()).applicants
            assert (pi.name, pi.id, pi.invited_by) == ("pi", str(claim.device.device_id), "d0")
            assert (pi.tags, pi.ephemeral_s, pi.asked_age_s) == (("guest",), 600, 5.0)
            assert pi.since == int(admin.machine.clock.unix()) - 5

    run(main())


def test_a_device_is_named_by_its_name_or_by_the_beginning_of_its_id() -> None:
    async def main() -> None:
        async with served(1) as (_, [admin]):
            link, administration = await link_of(admin), admin.service.administration
            claims = [claim_of(link, signing_key(number), number) for number in (3, 4, 5)]
            claims.append(claim_of(link, signing_key(6), 6, name="tv"))
            for claim in claims:
                admin.machine.node.approvals.ask(claim)
            with pytest.raises(UsageError, match="3 devices that wait go by 'pi'") as raised:
                await administration.decide(Decide(device="pi"))
            first = str(claims[0].device.device_id)
            assert first in raised.value.hint
            decided = await administration.decide(Decide(device=first[:10]))
            assert (decided.id, decided.approved) == (first, True)
            assert claims[0].device.device_id in admin.machine.node.roster
            denied = await administration.decide(Decide(device="tv", approve=False, reason="no"))
            assert (denied.name, denied.approved) == ("tv", False)
            with pytest.raises(UsageError, match="no device 'tv' waits"):
                await administration.decide(Decide(device="tv"))
            with pytest.raises(UsageError, match="no device 'p' waits") as raised:
                await administration.decide(Decide(device="p"))
            assert raised.value.hint == "those that do: pi, pi"

    run(main())


def test_only_an_admins_device_is_asked_and_a_reason_can_be_printed() -> None:
    async def main() -> None:
        async with served(2) as (_, [admin, other]):
            for asking in (
                other.service.administration.approvals(),
                other.service.administration.decide(Decide(device="pi")),
            ):
                with pytest.raises(MeshdhtError, match="only an admin"):
                    await asking
            for reason in ("\x1b[2J", "x" * 121):
                asked = Decide(device="pi", approve=False, reason=reason)
                with pytest.raises(UsageError, match="not printable"):
                    await admin.service.administration.decide(asked)

    run(main())
