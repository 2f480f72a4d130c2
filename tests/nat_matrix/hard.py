"""The hardest pair that can be direct: a symmetric NAT and one that filters by port.

    python -m tests.nat_matrix.hard --runs 30

Both start cold each time, so that no mapping and no socket of before helps; they take turns in who
is the last and sends the first packet. Two public devices tell them how they are seen. Prints how
often the two became direct, how soon, and how many control packets both sent meanwhile, to anybody.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys

from meshdht.lab.device import Device
from meshdht.lab.process import LabError
from meshdht.lab.world import World
from tests.nat_matrix.rounds import addresses_of, cold_start, stop
from tests.nat_matrix.situations import Internet, populate

PAIR = ("symmetric", "port-cone")

# UDP that leaves a device and is neither WireGuard's, whose first word is 1 to 4, nor one of the
# single bytes that hold a NAT's mapping.
COUNTER = """
table inet count {
    counter control {}
    chain out {
        type filter hook output priority filter;
        oifname eth0 meta l4proto udp udp length > 9 @th,64,32 != {
            0x01000000, 0x02000000, 0x03000000, 0x04000000
        } counter name control
    }
}"""


def control_packets(device: Device) -> int:
    """How many control packets have left the device since the last question."""
    said = device.host.run(["nft", "reset", "counter", "inet", "count", "control"]).stdout
    found = re.search(r"packets (\d+)", said)
    if found is None:
        raise LabError(f"{device.name} counts nothing: {said}")
    return int(found[1])


def measure(world: World, runs: int) -> int:
    """Print what came of so many cold starts; returns how many became direct."""
    _, placed, refused = populate(Internet(world), ("public", *PAIR), lambda line: None)
    if refused:
        raise LabError(f"could not join: {refused}")
    pair = {name: placed[name] for name in PAIR}
    addresses = addresses_of(pair)
    for each in pair.values():
        each.device.host.run(["nft", "-f", "-"], input=COUNTER)
    seconds, packets, connected = [], [], 0
    for run in range(runs):
        target, source = (pair[PAIR[number % 2]] for number in (run, run + 1))
        stop(target)
        target.device.must("up")
        for each in pair.values():
            control_packets(each.device)
        (sample,) = cold_start(source, addresses)
        sent = sum(control_packets(each.device) for each in pair.values())
        soon = f"first byte {_text(sample.first_byte_s)}, direct {_text(sample.direct_s)}"
        said = f"{source.name} started; {soon}"
        print(f"{said}; {sent} packets", file=sys.stderr, flush=True)
        connected += sample.first_byte_s is not None
        if sample.direct_s is not None:
            seconds.append(sample.direct_s)
            packets.append(sent)
    print(f"{' and '.join(PAIR)}, {runs} cold starts: connected in {connected}")
    print(f"  direct in {len(seconds)}, that is {100 * len(seconds) / runs:.0f} %")
    if seconds:
        print(f"  after {statistics.median(seconds):.2f} s (median), {max(seconds):.2f} s (worst)")
        print(f"  {statistics.median(packets):.0f} packets (median), {max(packets)} (most)")
    return len(seconds)


def _text(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.2f}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.nat_matrix.hard", description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    arguments = parser.parse_args()
    with World() as world:
        return 0 if measure(world, arguments.runs) else 1


if __name__ == "__main__":
    sys.exit(main())
