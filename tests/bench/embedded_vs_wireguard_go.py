"""TCP throughput of two embedded engines against two wireguard-go, in the same call.

    python -m tests.bench.embedded_vs_wireguard_go [seconds] [rounds]

Two namespaces on this machine, iperf3 through the tunnel, the two kinds in turn. Needs root,
iperf3 and wireguard-go. The figures of a shared machine vary; the ratio of one call says most.
"""

from __future__ import annotations

import json
import statistics
import sys

from meshdht.lab.world import World
from tests.engine.lab import EmbeddedEnd, WireGuardGoEnd

KINDS: dict[str, type[EmbeddedEnd] | type[WireGuardGoEnd]] = {
    "embedded": EmbeddedEnd,
    "wireguard-go": WireGuardGoEnd,
}


def throughput(kind: str, seconds: int) -> float:
    """Gbit/s that the receiver of one TCP stream counted."""
    with World() as world:
        switch = world.switch("internet")
        one = KINDS[kind](world.host("one"), 1, switch)
        other = KINDS[kind](world.host("other"), 2, switch)
        other.start(one, knows_endpoint=False)
        one.start(other)
        assert one.ping(other) == 1, "no tunnel"
        server = other.host.popen(["iperf3", "-s", "-1", "--forceflush"])
        assert server.popen.stdout is not None
        while "listening" not in (line := server.popen.stdout.readline()):
            assert line, "iperf3 does not start"
        client = ["iperf3", "-c", "10.0.0.2", "-t", str(seconds), "-J"]
        report = json.loads(one.host.run(client, timeout=seconds + 30).stdout)
        one.stop()
        other.stop()
        server.stop()
    return float(report["end"]["sum_received"]["bits_per_second"]) / 1e9


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    measured: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(rounds):
        for kind, results in measured.items():
            results.append(throughput(kind, seconds))
            print(f"{kind:>12}: {results[-1]:.2f} Gbit/s", flush=True)
    embedded, go = (statistics.median(results) for results in measured.values())
    print(
        f"median: embedded {embedded:.2f}, wireguard-go {go:.2f} Gbit/s, ratio {embedded / go:.2f}"
    )


if __name__ == "__main__":
    main()
