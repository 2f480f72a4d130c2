"""All that an anchor ever saw opens nothing, and its bytes do not say what belongs together."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest

from meshdht.crypto.keys import GossipKey, RecordKey
from meshdht.errors import OpenFailed, RemoteError
from meshdht.gossip.messages import open_gossip
from meshdht.node.rhythm import REFRESH_S
from meshdht.records.envelope import Envelope, open_record, verify_envelope
from meshdht.records.locator import EPOCH_SECONDS
from meshdht.wire.packet import MessageKind
from simulations.joining_locators import guesses
from simulations.loop import run
from simulations.scenarios.blindness import DEPUTIES, owned, watched
from simulations.scenarios.options import Options
from simulations.scoring import Scored, auc
from tests.support.anchor import Holder, link_of
from tests.support.mesh import Machine, eventually, mesh

EPOCHS_S = 20 * 3600.0


def envelopes(anchor: Holder) -> list[Envelope]:
    """Every record it was ever given, as it can check it."""
    return [verify_envelope(saved.key, saved.value) for saved in anchor.all_values]


def records_of(anchor: Holder, member: Machine) -> dict[bytes, Envelope]:
    """One device's records by their locators: judged with the keys that the anchor has not."""
    identity = member.node.identity
    mine: dict[bytes, Envelope] = {}
    for saved in anchor.all_values:
        envelope = verify_envelope(saved.key, saved.value)
        try:
            open_record(
                envelope,
                network=identity.network,
                device=identity.signing.public,
                record_key=identity.generation.secret.record_key,
            )
        except RemoteError:
            continue
        mine[saved.key] = envelope
    return mine


def shared_bytes(one: bytes, two: bytes) -> int:
    """The longest run of bytes that both have, wherever it lies."""
    best = 0
    for start in range(len(one)):
        while one[start : start + best + 1] in two and start + best < len(one):
            best += 1
    return best


def test_what_an_anchor_holds_and_hears_stays_shut() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            anchor = Holder(world, await link_of(first))
            await asyncio.sleep(2 * REFRESH_S)
            # The next epoch's come when it suits their devices.
            await eventually(lambda: len(envelopes(anchor)) >= 4, EPOCH_SECONDS)
            identity = first.node.identity
            secret = identity.generation.secret
            held = envelopes(anchor)
            # It may take what it has for any of the keys that it has not.
            guess = anchor.link.packet_key.raw
            for envelope in held:
                for device in (first, second):
                    with pytest.raises(OpenFailed):
                        open_record(
                            envelope,
                            network=identity.network,
                            device=device.node.identity.signing.public,
                            record_key=RecordKey(guess),
                        )
            # Gossip does not come to it; what it records of others' stays shut as well.
            assert MessageKind.GOSSIP not in {packet.kind for packet in anchor.heard}
            assert guess != secret.gossip_key.raw
            for packet in anchor.heard:
                with pytest.raises(OpenFailed):
                    open_gossip(GossipKey(guess), packet.sender, packet.body.ljust(80, b"\0"))
            seen = b"".join([each.raw for each in held] + [each.body for each in anchor.heard])
            for private in (secret.raw, secret.record_key.raw, secret.gossip_key.raw):
                assert private not in seen
            assert identity.network.raw not in seen
            assert identity.wireguard.public.raw not in seen
            assert first.id.raw not in b"".join(each.raw for each in held)

    run(main())


def test_the_records_of_one_device_in_two_epochs_share_no_bytes() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            anchor = Holder(world, await link_of(first))
            await asyncio.sleep(EPOCHS_S)
            mine, theirs = records_of(anchor, first), records_of(anchor, second)
            assert len(mine) >= 3
            assert not mine.keys() & theirs.keys()
            keys = [envelope.blinded.raw for envelope in mine.values()]
            assert len(set(keys)) == len(mine)
            assert first.node.identity.signing.public.raw not in keys
            assert len({len(each.raw) for each in [*mine.values(), *theirs.values()]}) == 1
            # Sequences and dates are of the hour; all else is as different as two devices'.
            every = [*mine.values(), *theirs.values()]
            for number, one in enumerate(every):
                for two in every[number + 1 :]:
                    assert shared_bytes(one.blinded.raw, two.blinded.raw) <= 3
                    assert shared_bytes(one.sealed[:200], two.sealed[:200]) <= 4
                    assert one.sequence != two.sequence

    run(main())


def test_all_that_an_anchor_saw_does_not_join_a_devices_locators_of_two_epochs() -> None:
    async def main() -> dict[str, list[Scored]]:
        pooled: dict[str, list[Scored]] = defaultdict(list)
        options = Options(nodes=6, seed=1, hours=14.0)
        for seed in range(3):
            notes, ledger, _ = await watched(options, seed, DEPUTIES, laptops=False)
            for name, scored in guesses(notes, owned(ledger, options.hours)).items():
                pooled[name] += scored
        return pooled

    for name, scored in run(main()).items():
        assert sum(truth for _, truth in scored) >= 30, name
        assert 0.33 < auc(scored) < 0.67, name
