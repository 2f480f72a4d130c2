"""Every way to a peer, as the API tells it."""

from __future__ import annotations

import asyncio

from meshdht.daemon.explaining import path_report
from meshdht.endpoint import Endpoint
from simulations.loop import run
from tests.support.mesh import mesh


def test_a_report_has_every_way_and_what_is_the_matter_with_it() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            first.node.learn(second.id, Endpoint("198.51.100.5", 41820))
            first.node.learn(second.id, Endpoint("2001:db8::7", 41820))
            errors = {
                Endpoint("198.51.100.5", 41820): ("host unreachable, says 10.0.0.1", 3.0),
                # Before the last answer.
                second.endpoint: ("this machine has no route there", 300.0),
            }
            await asyncio.sleep(10)
            device = first.node.roster.device(second.id)
            assert device is not None
            report = await path_report(first.node, device, errors.get)
            assert (report.peer, report.kind, report.why) == (device.name, "direct", "")
            assert report.nat_here
            best, *others = report.pairs
            assert (best.endpoint, best.state, best.best) == (str(second.endpoint), "alive", True)
            assert best.rtt_ms is not None
            assert (best.note, best.error) == ("", "")
            notes = {each.endpoint: (each.state, each.note) for each in others}
            state, note = notes["198.51.100.5:41820"]
            assert state == "silent"
            assert note.endswith("probes unanswered, host unreachable, says 10.0.0.1")
            assert "host unreachable, says 10.0.0.1" in [each.error for each in others]
            assert notes["[2001:db8::7]:41820"] == (
                "unreachable",
                "this device has no IPv6 address",
            )

    run(main())


def test_a_report_of_a_peer_that_is_gone_says_why() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, _ = await world.grow(3)
            await second.stop()
            first.node.watched()
            await asyncio.sleep(120)
            device = first.node.roster.device(second.id)
            assert device is not None
            report = await path_report(first.node, device, lambda endpoint: None)
            assert report.kind == "none"
            assert report.why
            assert [each.state for each in report.pairs] == ["dead"]

    run(main())
