"""``meshdht revoke``: asks, or takes --yes."""

from __future__ import annotations

import json

import pytest

from meshdht.api.removal_messages import Revoke
from tests.api.fake_daemon import FakeService
from tests.cli.conftest import Meshdht

OUT = "phone is out; the network has secret number 2 now\n"


def test_a_script_says_yes_and_is_told_who_is_out(meshdht: Meshdht, service: FakeService) -> None:
    said = meshdht("revoke", "phone", "--yes")
    assert said.out == OUT + "2 of 3 devices know (0.2 s)\n"
    assert said.err == "will learn when they come back: attic\n"
    told = json.loads(meshdht("revoke", "phone", "--yes", "--json").out)
    assert (told["version"], told["name"], told["generation"]) == (1, "phone", 2)
    assert service.administration.asked == [Revoke(device="phone")] * 2


@pytest.mark.usefixtures("service")
def test_json_has_the_counts_as_they_were_at_the_end(meshdht: Meshdht) -> None:
    told = json.loads(meshdht("revoke", "phone", "--yes", "--json").out)["spread"]
    assert told == {
        "version": 1, "generation": 2, "devices": 3, "know": 2, "took_s": 0.2, "waiting": [],
        "offline": ["attic"], "elsewhere": 0,
    }  # fmt: skip


def test_whoever_does_not_wait_is_told_who_is_missing(
    meshdht: Meshdht, service: FakeService
) -> None:
    said = meshdht("revoke", "phone", "--yes", "--no-wait")
    assert said.out == OUT + "0 of 3 devices know\n"
    assert said.err.startswith("not heard from yet: laptop, phone\n")
    assert service.administration.spreads == []


def test_nobody_is_put_out_unasked(meshdht: Meshdht, service: FakeService) -> None:
    said = "meshdht: revoking 'phone' needs a confirmation\n  try: say --yes\n"
    assert meshdht("revoke", "phone") == (2, "", said)
    assert service.administration.asked == []
