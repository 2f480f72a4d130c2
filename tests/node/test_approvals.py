"""Invites that want an admin's approval, between whole nodes."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.crypto.keys import SigningKey
from meshdht.endpoint import Endpoint
from meshdht.errors import JoinFailed, LinkError, Malformed, StateError
from meshdht.gossip.messages import Applicant, Denial, seal_gossip
from meshdht.limits import APPLICANTS_MAX, APPLICANTS_PER_INVITE, DENIAL_REASON_MAX, DENIALS_MAX
from meshdht.membership.administration import GrantAdminBody
from meshdht.membership.claims import JoinClaim, make_claim
from meshdht.membership.invites import Refusal, write_act, write_admit
from meshdht.membership.link import Link
from meshdht.membership.statements import Terms
from meshdht.node.approvals import SILENT_S
from meshdht.node.joining import Joined, Joiner
from meshdht.wire.packet import MessageKind
from simulations.loop import VirtualClock, run
from tests.membership.household import signing_key, wireguard_key
from tests.support.mesh import ELSEWHERE, Machine, Mesh, eventually, mesh

ON_APPROVAL = Terms(approval=True, tags=("guest",))
HOUR = 3600.0


def names(machine: Machine) -> list[str]:
    return [each.claim.name for each in machine.node.approvals.waiting()]


def claim_of(link: Link, device: SigningKey, number: int = 9, *, name: str = "pi") -> JoinClaim:
    return make_claim(
        network=link.network,
        invite=link.invite,
        device=device,
        wireguard_key=wireguard_key(number),
        name=name,
        claimed_at=int(VirtualClock().unix()),
    )


async def two_admins(world: Mesh) -> tuple[Machine, Machine, Machine]:
    """Two admins and a member."""
    first, second, third = await world.grow(3)
    own = first.node.own
    assert own is not None
    grant = write_act(
        first.node.holdings.log,
        own,
        first.node.identity.signing,
        GrantAdminBody(second.node.identity.signing.public),
        unix_ms=int(first.clock.unix() * 1000),
    )
    await first.node.write_down(grant)
    await asyncio.sleep(1)
    return first, second, third


class Asking:
    """A joiner that waits."""

    def __init__(self, world: Mesh, link: Link, hints: list[Endpoint], timeout_s: float = HOUR):
        self.said: list[str] = []
        self._world = world
        self.joiner: Joiner = world.joiner(link, "pi", ELSEWHERE)
        self.joiner._on_waiting = lambda: self.said.append("waiting")
        self.task = world.tasks.create_task(self._ask(hints, timeout_s))

    async def _ask(self, hints: list[Endpoint], timeout_s: float) -> Joined | Exception:
        try:
            return await self.joiner.run(hints, 30.0, timeout_s)
        except (LinkError, JoinFailed) as error:
            return error
        finally:
            self._world.internet.detach(ELSEWHERE)


def test_a_device_comes_in_once_an_admin_says_yes_and_not_before() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            asking = Asking(world, await first.invite(terms=ON_APPROVAL), [first.endpoint])
            await asyncio.sleep(300)
            assert asking.said == ["waiting"]
            assert not asking.task.done()
            assert first.names() == ["d0"]
            [waiting] = first.node.approvals.waiting()
            assert (waiting.claim.name, waiting.invite.terms) == ("pi", ON_APPROVAL)
            await first.node.approvals.approve(waiting.claim.device)
            joined = await asyncio.wait_for(asking.task, 10)
            assert isinstance(joined, Joined)
            device = first.node.roster.device(joined.identity.device)
            assert device is not None
            assert device.tags == ("guest",)
            assert joined.identity.generation == first.node.identity.generation
            assert first.node.approvals.waiting() == []

    run(main())


def test_admins_hear_of_a_claim_that_was_made_to_a_member() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, member = await two_admins(world)
            link = await first.invite(terms=ON_APPROVAL)
            await asyncio.sleep(1)
            # The joiner reaches nobody but a member that is no admin.
            asking = Asking(world, link, [member.endpoint])
            await eventually(lambda: names(first) == names(second) == ["pi"])
            assert names(member) == []
            [waiting] = second.node.approvals.waiting()
            await second.node.approvals.approve(waiting.claim.device)
            joined = await asyncio.wait_for(asking.task, 10)
            assert isinstance(joined, Joined)
            assert joined.member == member.id
            await eventually(lambda: names(first) == [])

    run(main())


def test_a_device_that_is_denied_is_told_why_also_by_a_member() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, member = await two_admins(world)
            link = await first.invite(terms=ON_APPROVAL)
            await asyncio.sleep(1)
            asking = Asking(world, link, [member.endpoint])
            await eventually(lambda: names(first) == names(second) == ["pi"])
            [waiting] = second.node.approvals.waiting()
            second.node.approvals.deny(waiting.claim.device, "not one of ours")
            error = await asyncio.wait_for(asking.task, 15)
            assert isinstance(error, LinkError)
            assert "refused this device: an admin refused this device: not one of ours" in str(
                error
            )
            assert names(first) == names(second) == []
            assert len(first.node.roster) == 3

    run(main())


def test_nobody_says_anything_and_the_joiner_gives_up_in_time_and_keeps_its_place() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await first.invite(terms=ON_APPROVAL)
            asking = Asking(world, link, [first.endpoint], timeout_s=120)
            error = await asyncio.wait_for(asking.task, 130)
            assert isinstance(error, JoinFailed)
            assert "no admin of 'home' has approved this device yet" in error.message
            assert "same link" in error.hint
            assert names(first) == ["pi"]

    run(main())


def test_an_invite_that_expires_meanwhile_ends_the_wait() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await first.invite(terms=ON_APPROVAL, expires_s=60)
            asking = Asking(world, link, [first.endpoint])
            error = await asyncio.wait_for(asking.task, 90)
            assert isinstance(error, LinkError)
            assert "expired" in error.message
            assert names(first) == []

    run(main())


def test_of_one_use_the_first_that_is_approved_comes_in_and_the_other_is_told() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await first.invite(terms=ON_APPROVAL)
            asking = Asking(world, link, [first.endpoint])
            await eventually(lambda: names(first) == ["pi"])
            rival = claim_of(link, signing_key(3), name="rival")
            first.node.approvals.ask(rival)
            await first.node.approvals.approve(rival.device)
            error = await asyncio.wait_for(asking.task, 15)
            assert isinstance(error, LinkError)
            assert "used up" in error.message

    run(main())


def test_a_link_on_approval_works_after_the_network_has_rotated() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, _ = await world.grow(2)
            link = await first.invite(terms=ON_APPROVAL, uses=2)
            await first.node.rotator.rotate()
            asking = Asking(world, link, [first.endpoint])
            await eventually(lambda: names(first) == ["pi"])
            [waiting] = first.node.approvals.waiting()
            first.node.approvals.deny(waiting.claim.device, "")
            assert isinstance(await asyncio.wait_for(asking.task, 15), LinkError)
            again = Asking(world, link, [first.endpoint])
            await eventually(lambda: names(first) == ["pi"])
            [waiting] = first.node.approvals.waiting()
            await first.node.approvals.approve(waiting.claim.device)
            joined = await asyncio.wait_for(again.task, 15)
            assert isinstance(joined, Joined)
            assert joined.identity.generation == first.node.identity.generation

    run(main())


def test_a_member_that_admits_such_a_device_by_itself_has_no_effect() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, member = await world.grow(2)
            link = await first.invite(terms=ON_APPROVAL)
            await asyncio.sleep(1)
            claim = claim_of(link, signing_key(3))
            own = member.node.own
            invite = member.node.roster.invite(claim.invite)
            assert own is not None
            assert invite is not None
            admit = write_admit(
                member.node.holdings.log,
                own,
                member.node.identity.signing,
                claim=claim,
                invite=invite,
                unix_ms=int(member.clock.unix() * 1000),
            )
            await member.node.write_down(admit)
            await asyncio.sleep(1)
            for machine in (first, member):
                assert machine.names() == ["d0", "d1"]
                [rejection] = machine.node.roster.rejections
                assert rejection.reason == "the invite wants an admin's approval"

    run(main())


def test_only_an_admin_approves_or_denies_and_only_who_waits() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, member = await world.grow(2)
            link = await first.invite(terms=ON_APPROVAL)
            await asyncio.sleep(1)
            claim = claim_of(link, signing_key(3))
            assert member.node.approvals.ask(claim) is None
            with pytest.raises(StateError, match="no such device waits"):
                await member.node.approvals.approve(claim.device)
            with pytest.raises(StateError, match="not an admin"):
                member.node.approvals.deny(claim.device, "no")
            with pytest.raises(StateError, match="no such device waits"):
                await first.node.approvals.approve(signing_key(4).public)
            assert first.names() == ["d0", "d1"]

    run(main())


def test_an_admin_cannot_approve_what_has_gone_bad() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await first.invite(terms=ON_APPROVAL, expires_s=60)
            claim = claim_of(link, signing_key(3))
            first.node.approvals.ask(claim)
            await asyncio.sleep(61)
            with pytest.raises(StateError, match="pi cannot be let in: the invite has expired"):
                await first.node.approvals.approve(claim.device)
            assert first.names() == ["d0"]

    run(main())


def test_a_device_with_the_tunnel_key_of_another_one_can_only_be_denied() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await first.invite(terms=ON_APPROVAL, uses=2)
            approvals = first.node.approvals
            honest, thief = claim_of(link, signing_key(3)), claim_of(link, signing_key(4))
            for claim in (honest, thief):
                approvals.ask(claim)
            await approvals.approve(honest.device)
            with pytest.raises(StateError, match="the WireGuard key is another device's"):
                await approvals.approve(thief.device)
            approvals.deny(thief.device, "no")
            assert approvals.waiting() == []
            assert len(first.node.roster) == 2

    run(main())


# --- what strangers and members can make grow ------------------------------------------------


def test_one_link_cannot_fill_the_list_and_who_asks_no_more_makes_room() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            approvals = first.node.approvals
            crowd, other = [await first.invite(terms=ON_APPROVAL, uses=99) for _ in range(2)]
            keys = [signing_key(number) for number in range(1, APPLICANTS_PER_INVITE + 2)]
            for key in keys[:-1]:
                assert approvals.ask(claim_of(crowd, key)) is None
            assert approvals.ask(claim_of(crowd, keys[-1])) == Refusal.CROWDED
            assert approvals.ask(claim_of(other, keys[-1], name="honest")) is None
            assert "honest" in names(first)
            await asyncio.sleep(SILENT_S + 1)
            assert approvals.ask(claim_of(crowd, signing_key(50), name="later")) is None
            assert "later" in names(first)
            assert len(names(first)) == APPLICANTS_PER_INVITE + 1

    run(main())


def test_many_links_cannot_fill_it_beyond_its_cap() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            approvals = first.node.approvals
            answers = []
            for number in range(APPLICANTS_MAX + 3):
                if number % APPLICANTS_PER_INVITE == 0:
                    link = await first.invite(terms=ON_APPROVAL, uses=99)
                answers.append(approvals.ask(claim_of(link, SigningKey(bytes([number + 1] * 32)))))
            assert answers[-3:] == [Refusal.CROWDED] * 3
            assert len(approvals.waiting()) == APPLICANTS_MAX

    run(main())


def test_denials_are_remembered_up_to_a_cap() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, _ = await two_admins(world)
            for number in range(DENIALS_MAX + 5):
                key = SigningKey(number.to_bytes(32, "big")).public
                second.node.approvals.denial_received(first.id, Denial(key, "no"))
            assert len(second.node.approvals._denied) == DENIALS_MAX

    run(main())


def test_what_members_make_up_about_applicants_is_refused() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, member = await two_admins(world)
            plain, link = await first.invite(), await first.invite(terms=ON_APPROVAL)
            approvals = first.node.approvals
            good = claim_of(link, signing_key(3)).encode()
            forged = good[:-1] + bytes([good[-1] ^ 1])
            needs_none = claim_of(plain, signing_key(4)).encode()
            for claim in (b"", good[:50], good + bytes(400), forged, needs_none):
                with pytest.raises(Malformed):
                    approvals.applicant_received(member.endpoint, Applicant(claim))
            assert names(first) == []
            approvals.applicant_received(member.endpoint, Applicant(good))
            assert names(first) == ["pi"]
            key = signing_key(3).public
            for sender, reason in ((member.id, "no"), (second.id, "x" * (DENIAL_REASON_MAX + 1))):
                with pytest.raises(Malformed):
                    approvals.denial_received(sender, Denial(key, reason))
            assert names(first) == ["pi"]

    run(main())


def test_a_claim_in_gossip_from_an_address_that_was_not_proved_is_let_lie() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, member = await world.grow(2)
            link = await first.invite(terms=ON_APPROVAL)
            await asyncio.sleep(1)
            claim = Applicant(claim_of(link, signing_key(3)).encode())
            control, secret = member.node._control, member.node.identity.generation.secret
            spoofed: list[bytes] = []
            control_send, control._send = control._send, lambda d, to: spoofed.append(d)
            body = seal_gossip(secret.gossip_key, control.draw_nonce(), member.id, claim)
            control.send(MessageKind.GOSSIP, control.draw_message_id(), body, ELSEWHERE)
            control._send = control_send
            first.node.datagram_received(spoofed[0], ELSEWHERE)
            assert names(first) == []

    run(main())
