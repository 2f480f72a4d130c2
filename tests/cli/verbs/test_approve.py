"""``meshdht approvals`` and ``meshdht approve``."""

from __future__ import annotations

import json

import pytest

from meshdht.api.approval_messages import Decide
from tests.api.fake_administration import PI
from tests.api.fake_daemon import FakeService
from tests.cli.conftest import Meshdht


@pytest.mark.usefixtures("service")
def test_who_waits_is_listed_with_its_id_and_the_terms_of_its_invite(meshdht: Meshdht) -> None:
    said = meshdht("approvals")
    title, line = said.out.splitlines()
    assert title.split()[:2] == ["NAME", "ID"]
    assert line.split()[:2] == ["pi", PI.id]
    assert line.endswith("3 s ago  nas         #guest ephemeral 30 min")


def test_nobody_waits(meshdht: Meshdht, service: FakeService) -> None:
    service.administration.applicants = ()
    said = meshdht("approvals")
    assert (said.code, said.out) == (0, "")
    assert "meshdht invite --approve" in said.err


@pytest.mark.usefixtures("service")
def test_json_has_the_keys_that_scripts_lean_on(meshdht: Meshdht) -> None:
    listed = json.loads(meshdht("approvals", "--json").out)
    assert (listed["version"], listed["network"]) == (1, "home")
    assert listed["applicants"] == [
        {
            "name": "pi", "id": PI.id, "since": 1_790_000_000, "asked_age_s": 3.0,
            "invited_by": "nas", "tags": ["guest"], "ephemeral_s": 1800,
        }
    ]  # fmt: skip
    decided = json.loads(meshdht("approve", "pi", "--json").out)
    assert decided == {"version": 1, "name": "pi", "id": PI.id, "approved": True}


def test_a_device_is_approved_or_denied_with_a_reason(
    meshdht: Meshdht, service: FakeService
) -> None:
    assert meshdht("approve", "pi").out.startswith("pi is approved")
    denied = meshdht("approve", "pi", "--deny", "--reason", "not ours")
    assert denied.out.startswith("pi is refused")
    assert service.administration.asked == [
        Decide(device="pi"),
        Decide(device="pi", approve=False, reason="not ours"),
    ]


def test_a_reason_without_a_denial_is_a_usage_error(meshdht: Meshdht, service: FakeService) -> None:
    assert meshdht("approve", "pi", "--reason", "welcome").code == 2
    assert service.administration.asked == []
