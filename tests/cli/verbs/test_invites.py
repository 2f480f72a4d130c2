"""``meshdht invites``."""

from __future__ import annotations

import json

import pytest

from meshdht.cli.verbs.invites import invite_lines, terms_text
from tests.api.fake_administration import GUEST, SPENT
from tests.cli.conftest import Meshdht

pytestmark = pytest.mark.usefixtures("service")


def test_each_invite_is_a_line_with_what_became_of_it(meshdht: Meshdht) -> None:
    titles, spent, guest = meshdht("invites").out.splitlines()
    assert titles.split()[:5] == ["ID", "NAME", "FOR", "STATE", "LEFT"]
    assert "expired" in spent
    assert "3 of 3" in spent
    for said in ("5f3a91c0", "guest", "open", "2 of 3", "nas", "phone", "an admin approves"):
        assert said in guest


def test_only_what_is_open_if_asked(meshdht: Meshdht) -> None:
    assert "00c0ffee" not in meshdht("invites", "--open").out
    told = json.loads(meshdht("invites", "--open", "--json").out)
    assert (told["version"], told["network"]) == (1, "home")
    assert [each["id"] for each in told["invites"]] == ["5f3a91c0"]


def test_terms_in_words() -> None:
    assert terms_text(GUEST) == "tags guest, an admin approves, goes after 1 d offline"
    assert terms_text(SPENT) == ""


def test_no_invite_has_no_titles() -> None:
    assert invite_lines((), on=False) == []
