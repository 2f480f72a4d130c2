"""``meshdht log``."""

from __future__ import annotations

import json

import pytest

from meshdht.api.text import moment_text
from tests.api.fake_administration import JOINED
from tests.cli.conftest import Meshdht

pytestmark = pytest.mark.usefixtures("service")


def test_each_deed_is_a_line_with_when_who_and_key(meshdht: Meshdht) -> None:
    titles, founded, void = meshdht("log").out.splitlines()
    assert titles.split() == ["WHEN", "WHO", "KEY", "WHAT"]
    assert founded.startswith(moment_text(JOINED))
    assert founded.endswith("nas    4a4a4a4a4a4a4a4a  founded the network home")
    assert void.endswith("revoked nas (no effect: its author was no admin)")
    # Its author wrote a date that no calendar has.
    assert void.startswith("–  ")


def test_the_newest_only_and_that_there_are_more(meshdht: Meshdht) -> None:
    said = meshdht("log", "--count", "1")
    assert len(said.out.splitlines()) == 2
    assert said.err == "the newest 1 of 2; --count shows more\n"
    assert meshdht("log", "--count", "0").code == 2


def test_json_has_keys_and_ids_in_full(meshdht: Meshdht) -> None:
    told = json.loads(meshdht("log", "--json").out)
    assert (told["version"], told["network"], told["total"]) == (1, "home", 2)
    assert told["entries"][1] == {
        "id": "02" * 32, "when": 2.0**63, "who": "phone", "what": "revoked nas",
        "author": "p" * 32, "key": "7b" * 32, "about": "n" * 32,
        "reason": "its author was no admin",
    }  # fmt: skip
