"""What a rekey costs traffic that is under way: ``python -m tests.bench.rekeys [REKEYS]`` (40).

Packets: datagrams at a constant rate both ways beside a TCP connection both ways, over a tunnel
that gets new keys every 5 s (a peer begins no handshake sooner) from us, and every 120 s from
wireguard-go, which cannot be told to do it more often. Prints how many datagrams were lost, and how
often one came 50 ms late, near a handshake (0.3 s) and else.

Throughput: a TCP connection as fast as it goes, REKEYS times new keys, every 3 s. What arrived in
the 200 ms around each handshake is divided by what arrived in the second before, in 200 ms on
average; the same at the instants midway between two handshakes, where nothing happens, tells what
this machine's own unrest does to that number. Prints medians, and the quartiles as their spread.

Needs root.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from meshdht.lab.world import World
from tests.bench.packet_path.steady import Report
from tests.bench.packet_path.stream import Arrived
from tests.bench.soak import steady, tcp
from tests.engine.lab import ROOT, EmbeddedEnd, End, WireGuardGoEnd

Kind = type[EmbeddedEnd] | type[WireGuardGoEnd]

REKEYS, REKEYS_MIN = 40, 8
SECONDS, THEIR_SECONDS = 20, 380
REKEY_AFTER_S = 1.5
NEAR_S = 0.3
EVERY_S = 3.0
AROUND_S, BEFORE_S = 0.2, 1.0
STREAM = "tests.bench.packet_path.stream"


@contextmanager
def tunnel(
    kind: Kind, *, we_begin: bool, after_s: float, timeout_s: float
) -> Iterator[tuple[EmbeddedEnd, End]]:
    """Whoever begins the first handshake begins the others."""
    with World() as world:
        switch = world.switch("internet")
        one = EmbeddedEnd(world.host("one"), 1, switch)
        other = kind(world.host("other"), 2, switch)
        other.start(one, knows_endpoint=not we_begin)
        one.start(other, knows_endpoint=we_begin, rekey_after_s=after_s, rekey_timeout_s=timeout_s)
        first, second = (one, other) if we_begin else (other, one)
        assert first.ping(second) == 1
        yield one, other
        for end in (one, other):
            end.stop()


def told(what: str, report: Report, handshakes: Sequence[float]) -> str:
    spans = [(at - NEAR_S, at + NEAR_S) for at in handshakes]
    late = sum(any(start <= at <= end for start, end in spans) for at, _ in report.late_at)
    lost, else_lost = report.sent - report.received, report.lost_outside(spans)
    return (
        f"{what}: {report.sent} datagrams; near a rekey {lost - else_lost} lost and {late} times"
        f" late, else {else_lost} lost and {len(report.late_at) - late} times late"
    )


def packets(kind: Kind, *, we_begin: bool) -> None:
    seconds = SECONDS if we_begin else THEIR_SECONDS
    with tunnel(kind, we_begin=we_begin, after_s=REKEY_AFTER_S, timeout_s=5.0) as (one, other):
        server, client = tcp(one, other, 5301, seconds)
        with steady(one, other, seconds) as there, steady(other, one, seconds) as back:
            pass
        handshakes = one.stats()["handshakes_at"][1:]
        client.complete(timeout=60)
        for process in (server, client):
            process.stop()
    name = kind.__name__.removesuffix("End")
    begins = "this end" if we_begin else name
    print(f"{name}: {len(handshakes)} rekeys in {seconds} s, begun by {begins}")
    print(told(f"  to {name}", there[0], handshakes))
    print(told(f"  from {name}", back[0], handshakes), flush=True)


def stream(source: End, target: End, seconds: float) -> Arrived:
    env = {"PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", STREAM]
    receiver = target.host.popen([*words, "receive", target.address, "5302"], env=env)
    assert receiver.popen.stdout is not None
    assert receiver.popen.stdout.readline() == "ready\n"
    options = ["send", target.address, "5302", str(seconds)]
    source.host.run([*words, *options], env=env, timeout=seconds + 60)
    said = receiver.complete(timeout=60)
    receiver.check(said)
    return Arrived(**json.loads(said.stdout))


def shares(arrived: Arrived, instants: Sequence[float]) -> list[float]:
    """Of each instant, the rate around it by that before."""
    found = []
    for at in instants:
        around = arrived.rate(at - AROUND_S / 2, AROUND_S)
        before = arrived.rate(at - AROUND_S / 2 - BEFORE_S, BEFORE_S)
        if around is not None and before:
            found.append(around / before)
    return found


def summed_up(values: Sequence[float]) -> str:
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.1%} ({low:.1%} to {high:.1%})"


def throughput(kind: Kind, rekeys: int) -> None:
    name = kind.__name__.removesuffix("End")
    seconds = (rekeys + 1) * EVERY_S
    with tunnel(kind, we_begin=True, after_s=EVERY_S, timeout_s=1.0) as (one, other):
        for source, target, way in ((one, other, "to"), (other, one, "from")):
            before = len(one.stats()["handshakes_at"])
            arrived = stream(source, target, seconds)
            handshakes = one.stats()["handshakes_at"][before:]
            found = shares(arrived, handshakes)
            quiet = shares(arrived, [at + EVERY_S / 2 for at in handshakes])
            gbit = sum(arrived.bins) * 8 / seconds / 1e9
            print(
                f"{way} {name}: {gbit:.2f} Gbit/s, {len(found)} rekeys; around a rekey"
                f" {summed_up(found)} of the second before, around other instants"
                f" {summed_up(quiet)}",
                flush=True,
            )


def main() -> None:
    rekeys = max(REKEYS_MIN, int(sys.argv[1]) if len(sys.argv) > 1 else REKEYS)
    for kind in (EmbeddedEnd, WireGuardGoEnd):
        packets(kind, we_begin=True)
    packets(WireGuardGoEnd, we_begin=False)
    for kind in (EmbeddedEnd, WireGuardGoEnd):
        throughput(kind, rekeys)


if __name__ == "__main__":
    main()
