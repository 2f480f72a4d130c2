"""Invites for devices and for anchors."""

from __future__ import annotations

import pytest

from meshdht.clock import SeededEntropy
from meshdht.errors import StateError
from meshdht.membership.link import parse_link
from meshdht.membership.statements import Role
from meshdht.node.inviting import Scope, invite_anchor, invite_device
from simulations.loop import run
from tests.support.mesh import mesh


def test_an_invite_is_on_disk_before_its_link_is_there() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            first.store.written.clear()
            scope, entropy = Scope(lifetime_s=60, uses=3, name="laptop"), SeededEntropy(5)
            link = await invite_device(first.node, scope, [first.endpoint], first.clock, entropy)
            assert "statements" in first.store.written
            invite = first.node.roster.invite(link.invite.invite_public)
            assert invite is not None
            assert (invite.uses, invite.suggested_name, invite.role) == (3, "laptop", Role.DEVICE)
            assert invite.expires == link.expires == int(first.clock.unix()) + 60
            assert parse_link(str(link)) == link

    run(main())


def test_an_anchors_link_says_nothing_that_only_members_know() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            entropy = SeededEntropy(5)
            link = await invite_anchor(first.node, Scope(), [], first.clock, entropy)
            invite = first.node.roster.invite(link.invite.invite_public, Role.ANCHOR)
            assert invite is not None
            assert first.node.roster.invite(link.invite.invite_public) is None
            secret = first.node.identity.generation.secret
            assert link.packet_key == secret.packet_key
            said = [link.packet_key.raw, link.invite.raw, link.welcome.raw]
            assert secret.raw not in said
            assert secret.gossip_key.raw not in said

    run(main())


def test_a_disk_that_refuses_gives_no_link() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            first.store.failing = True
            with pytest.raises(StateError):
                await invite_device(
                    first.node, Scope(), [first.endpoint], first.clock, SeededEntropy(5)
                )

    run(main())
