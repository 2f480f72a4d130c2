"""Measures: each device in turn is started cold and reaches for all others at once."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass

from meshdht.lab.process import CommandFailed
from tests.nat_matrix import probe
from tests.nat_matrix.expectations import expectation
from tests.nat_matrix.situations import COMMAND, NETWORK, SITUATIONS, Placed

PROBE = [sys.executable, "-P", probe.__file__]
SOCKET = f"/run/meshdht/{NETWORK}.sock"
PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one pair: ``source`` was started cold and sent the first packet to ``target``.
    Seconds from that packet; None for what did not come within the patience."""

    source: str
    target: str
    up_s: float
    first_byte_s: float | None
    first_path: str
    direct_s: float | None
    path: str


def addresses_of(placed: Mapping[str, Placed]) -> dict[str, str]:
    """The IPv4 addresses in the mesh; they stay the same."""
    return {name: each.device.addresses()[0] for name, each in placed.items()}


def stop(placed: Placed) -> None:
    """Stop a device, and have its router forget all."""
    placed.device.must("down")
    if placed.router is not None:
        placed.router.forget()


def cold_start(
    source: Placed, addresses: Mapping[str, str], patience_s: float = PATIENCE_S
) -> list[Sample]:
    """Stop a device, have its router forget, start it, and reach for all the others."""
    stop(source)
    here = SITUATIONS[source.name].place
    others = {name: address for name, address in addresses.items() if name != source.name}
    direct = [name for name in others if expectation(here, SITUATIONS[name].place).direct]
    up, own = [*COMMAND, "up"], addresses[source.name]
    errand = probe.Errand(up, SOCKET, own, others, direct, patience_s)
    said = source.device.host.run(PROBE, input=json.dumps(asdict(errand)), timeout=patience_s + 60)
    outcome = json.loads(said.stdout)
    return [
        Sample(source.name, target, outcome["up_s"], **reached)
        for target, reached in outcome["peers"].items()
    ]


def one_round(
    placed: Mapping[str, Placed], say: Callable[[str], None], patience_s: float = PATIENCE_S
) -> Iterator[Sample]:
    """Every device in turn. One that does not come up again counts as reaching nobody."""
    addresses = addresses_of(placed)
    for name, source in placed.items():
        try:
            samples = cold_start(source, addresses, patience_s)
        except CommandFailed as error:
            say(f"{name}: {error.message}")
            source.device.meshdht("up")  # for those after it
            samples = [
                Sample(name, target, 0.0, None, "none", None, "none")
                for target in addresses
                if target != name
            ]
        say(line_about(name, samples))
        for each in samples:
            if each.first_byte_s is None:
                say(both_sides(source, placed[each.target]))
        yield from samples


def line_about(name: str, samples: list[Sample]) -> str:
    bytes_s = [each.first_byte_s for each in samples if each.first_byte_s is not None]
    direct = [each.direct_s for each in samples if each.direct_s is not None]
    up_s = samples[0].up_s if samples else 0.0
    missed = [each.target for each in samples if each.first_byte_s is None]
    whom = f"; not reached: {', '.join(missed)}" if missed else ""
    return (
        f"{name}: up in {up_s:.2f} s, {len(bytes_s)} of {len(samples)} reached, the last after "
        f"{max(bytes_s, default=0):.2f} s; {len(direct)} direct, the last after "
        f"{max(direct, default=0):.2f} s{whom}"
    )


def both_sides(source: Placed, target: Placed) -> str:
    """What both daemons say about a pair whose tunnel did not come up."""
    said = []
    for one, other in ((source, target), (target, source)):
        for words in (["path", other.name], ["whois", other.name], ["metrics"]):
            result = one.device.meshdht(*words)
            said.append(f"--- {one.name}: meshdht {' '.join(words)}")
            lines = (result.stdout or result.stderr).splitlines()
            said.extend(line for line in lines if not line.startswith("#"))
    return "\n".join(said)
