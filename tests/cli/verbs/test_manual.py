"""The page on stdout."""

from __future__ import annotations

from meshdht.cli.manual import manual
from tests.cli.conftest import Meshdht


def test_it_prints_the_page(meshdht: Meshdht) -> None:
    result = meshdht("manual")
    assert (result.code, result.out) == (0, manual())
