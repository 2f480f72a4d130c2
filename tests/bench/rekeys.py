"""What a rekey costs traffic that is under way: ``python -m tests.bench.rekeys [SECONDS]`` (20).

Datagrams at a constant rate both ways beside a TCP connection both ways, over a tunnel that gets
new keys every 5 s (a peer begins no handshake sooner): to another of this engine, and to
wireguard-go. Prints how many datagrams were lost, and how often one came 50 ms late, near a
handshake (0.3 s) and else. This machine's own pauses show in both. Needs root.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from meshdht.lab.world import World
from tests.bench.packet_path.steady import Report
from tests.bench.soak import steady, tcp
from tests.engine.lab import EmbeddedEnd, WireGuardGoEnd

SECONDS = 20
REKEY_AFTER_S = 1.5
NEAR_S = 0.3


def told(what: str, report: Report, handshakes: Sequence[float]) -> str:
    spans = [(at - NEAR_S, at + NEAR_S) for at in handshakes]
    late = sum(any(start <= at <= end for start, end in spans) for at, _ in report.late_at)
    lost, else_lost = report.sent - report.received, report.lost_outside(spans)
    return (
        f"{what}: {report.sent} datagrams; near a rekey {lost - else_lost} lost and {late} times"
        f" late, else {else_lost} lost and {len(report.late_at) - late} times late"
    )


def measure(kind: type[EmbeddedEnd] | type[WireGuardGoEnd], seconds: int) -> None:
    with World() as world:
        switch = world.switch("internet")
        one = EmbeddedEnd(world.host("one"), 1, switch)
        other = kind(world.host("other"), 2, switch)
        other.start(one, knows_endpoint=False)
        one.start(other, rekey_after_s=REKEY_AFTER_S)
        assert one.ping(other) == 1
        server, client = tcp(one, other, 5301, seconds)
        with steady(one, other, seconds) as there, steady(other, one, seconds) as back:
            pass
        handshakes = one.stats()["handshakes_at"]
        client.complete(timeout=60)
        for process in (server, client):
            process.stop()
        for end in (one, other):
            end.stop()
    name = kind.__name__.removesuffix("End")
    print(f"{name}: {len(handshakes)} handshakes in {seconds} s")
    print(told(f"  to {name}", there[0], handshakes))
    print(told(f"  from {name}", back[0], handshakes), flush=True)


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    for kind in (EmbeddedEnd, WireGuardGoEnd):
        measure(kind, seconds)


if __name__ == "__main__":
    main()
