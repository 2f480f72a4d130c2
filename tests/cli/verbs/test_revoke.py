"""``meshdht revoke``: asks, or takes --yes."""

from __future__ import annotations

import json

from tests.api.fake_daemon import FakeService
from tests.cli.conftest import Meshdht


def test_a_script_says_yes_and_is_told_who_is_out(meshdht: Meshdht, service: FakeService) -> None:
    out = "phone is out; the network has secret number 2 now\n"
    assert meshdht("revoke", "phone", "--yes") == (0, out, "")
    told = json.loads(meshdht("revoke", "phone", "--yes", "--json").out)
    assert (told["version"], told["name"], told["generation"]) == (1, "phone", 2)
    assert service.revoked == ["phone", "phone"]


def test_nobody_is_put_out_unasked(meshdht: Meshdht, service: FakeService) -> None:
    said = "meshdht: revoking 'phone' needs a confirmation\n  try: say --yes\n"
    assert meshdht("revoke", "phone") == (2, "", said)
    assert service.revoked == []
