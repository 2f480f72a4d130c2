"""The tables say what the samples say, and nothing that fell short is missing below them."""

from __future__ import annotations

from tests.nat_matrix.rounds import Sample
from tests.nat_matrix.situations import SITUATIONS
from tests.nat_matrix.tables import all_connected, report

NAMES = ("public", "port-cone", "symmetric", "cone-in-sym")
PLACES = {name: SITUATIONS[name].place for name in NAMES}


def sample(
    source: str, target: str, first: float | None, direct: float | None, path: str
) -> Sample:
    return Sample(source, target, 0.5, first, "none", direct, path)


def test_runs_of_one_pair_stand_in_one_cell() -> None:
    said = report(
        [
            sample("public", "port-cone", 0.1, 0.1, "direct"),
            sample("public", "port-cone", 0.5, 0.7, "direct"),
            sample("port-cone", "public", 0.2, 0.3, "lan"),
        ],
        PLACES,
    )
    _, kinds, _, first_bytes, _, directs, *rest = said.split("\n\n")
    assert kinds.splitlines() == ["from          1  2", " 1 public        D", " 2 port-cone  L"]
    assert "0.30/0.50" in first_bytes
    assert "0.40/0.70" in directs
    summary = "\n".join(rest)
    assert "connected in 3 of 3 runs" in summary
    assert "Nothing fell short" in summary


def test_what_fell_short_is_said_the_worst_first() -> None:
    samples = [
        sample("public", "symmetric", 0.1, 2.5, "direct"),
        sample("port-cone", "symmetric", 0.1, None, "relay"),
        sample("symmetric", "cone-in-sym", 1.5, None, "relay"),
        sample("port-cone", "public", None, None, "none"),
    ]
    said = report(samples, PLACES)
    short = said.partition("What fell short")[2].splitlines()[1:]
    assert [line.strip() for line in short] == [
        "port-cone to public: connected in 0 of 1 runs",
        "port-cone to symmetric: direct in 0 of 1 runs (many sockets)",
        "public to symmetric: direct after up to 2.50 s",
        "symmetric to cone-in-sym: first byte after up to 1.50 s",
    ]
    assert "- 0" in said
    assert "relay   both map by destination (RFC 5128, 3.4): 0 of 1" in said
    assert not all_connected(samples)
    assert all_connected(samples[:3])
