"""The caps: each is a positive number, explained, and of use."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from meshdht import limits

ROOT = Path(limits.__file__).parent
CAPS = sorted(name for name in vars(limits) if name.isupper())
LINES = Path(limits.__file__).read_text().splitlines()
CODE = "\n".join(path.read_text() for path in ROOT.rglob("*.py") if path != Path(limits.__file__))


@pytest.mark.parametrize("name", CAPS)
def test_a_cap_is_a_positive_number(name: str) -> None:
    value = vars(limits)[name]
    assert isinstance(value, int | float)
    assert value > 0


@pytest.mark.parametrize("name", CAPS)
def test_a_cap_is_held_somewhere(name: str) -> None:
    assert name in CODE


def test_every_group_of_caps_says_what_it_stops() -> None:
    unexplained = [
        line
        for before, line in pairwise(LINES)
        if line.split(" = ")[0] in CAPS
        and not (before.startswith("#") or before.split(" = ")[0] in CAPS)
    ]
    assert unexplained == []


def test_no_datagram_of_a_record_or_statement_exceeds_what_passes_everywhere() -> None:
    assert limits.RECORD_SIZE <= limits.DHT_VALUE_BYTES <= 1000
    assert limits.STATEMENT_SIZE_MAX <= 1000
