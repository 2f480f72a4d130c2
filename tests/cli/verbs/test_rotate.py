"""``meshdht rotate``."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Meshdht


@pytest.mark.usefixtures("service")
def test_a_new_secret_is_begun_and_who_knows_is_counted(meshdht: Meshdht) -> None:
    said = meshdht("rotate")
    assert (said.code, said.out) == (
        0,
        "the network has secret number 2 now\n2 of 3 devices know (0.2 s)\n",
    )
    assert said.err == "will learn when they come back: attic\n"
    assert "0 of 3 devices know" in meshdht("rotate", "--no-wait").out


@pytest.mark.usefixtures("service")
def test_json_has_the_count_as_it_was_at_the_end(meshdht: Meshdht) -> None:
    told = json.loads(meshdht("rotate", "--json").out)
    assert (told["version"], told["generation"], told["spread"]["know"]) == (1, 2, 2)
