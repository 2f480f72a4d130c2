"""The link on stdout and nothing else; the QR code beside it."""

from __future__ import annotations

import json

import pytest

from meshdht.api.invite_messages import RevokeInvite
from meshdht.cli.verbs.invite import qr_code
from tests.api.fake_daemon import LINK, FakeService
from tests.cli.conftest import Meshdht


def test_in_a_pipe_the_link_is_all_there_is(meshdht: Meshdht, service: FakeService) -> None:
    assert meshdht("invite", "--name", "Laptop") == (0, LINK + "\n", "")
    (asked,) = service.invites
    assert (asked.name, asked.expires_s, asked.uses) == ("laptop", 3600, 1)


def test_json_has_the_link_and_when_it_expires(meshdht: Meshdht, service: FakeService) -> None:
    result = meshdht("invite", "--json", "--expires", "7d", "--uses", "5")
    assert json.loads(result.out) == {
        "version": 1, "link": LINK, "expires": 1_790_604_800, "uses": 5, "tags": [],
        "ephemeral_s": 0, "approve": False,
    }  # fmt: skip
    assert service.invites[0].uses == 5


def test_the_terms_of_an_invite_reach_the_daemon(meshdht: Meshdht, service: FakeService) -> None:
    terms = ("--tag", "CI", "--tag", "fleet", "--approve", "--ephemeral", "30m")
    told = json.loads(meshdht("invite", *terms, "--json").out)
    assert (told["tags"], told["ephemeral_s"], told["approve"]) == (["ci", "fleet"], 1800, True)
    (asked,) = service.invites
    assert (asked.tags, asked.ephemeral_s, asked.approve) == (("ci", "fleet"), 1800, True)


def test_ephemeral_without_a_time_means_an_hour(meshdht: Meshdht, service: FakeService) -> None:
    meshdht("invite", "--ephemeral", "--name", "runner")
    (asked,) = service.invites
    assert (asked.ephemeral_s, asked.name) == (3600, "runner")


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("text", ["", "No Tag", "x" * 33])
def test_what_is_no_tag_is_a_usage_error(meshdht: Meshdht, text: str) -> None:
    assert meshdht("invite", "--tag", text).code == 2


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("text", ["", "soon", "0s", "-5m", "1.5h", "2y", "99999999w"])
def test_what_is_not_a_duration_is_a_usage_error(meshdht: Meshdht, text: str) -> None:
    result = meshdht("invite", "--expires", text)
    assert result.code == 2
    assert "is not a duration such as" in result.err


@pytest.mark.usefixtures("service")
def test_the_daemons_refusal_is_shown_with_its_hint(meshdht: Meshdht) -> None:
    result = meshdht("invite", "--name", "nas")
    assert result == (
        2,
        "",
        "meshdht: a device is called nas already\n  try: choose another --name\n",
    )


def test_the_qr_code_fits_or_is_left_out() -> None:
    code = qr_code(LINK, 80)
    assert max(len(line) for line in code.splitlines()) <= 80
    assert "█" in code
    assert qr_code(LINK, 40) == ""


def test_an_invite_is_closed_beside_those_that_are_made(
    meshdht: Meshdht, service: FakeService
) -> None:
    said = meshdht("invite", "revoke", "5f3a", "--yes")
    assert said == (0, "invite 5f3a91c0 (guest) lets nobody in any more\n", "")
    told = json.loads(meshdht("invite", "revoke", "5f3a", "--yes", "--json").out)
    assert (told["version"], told["invite"]["state"], told["changed"]) == (1, "revoked", True)
    assert service.administration.asked == [RevokeInvite(invite="5f3a")] * 2
    assert service.invites == []


def test_no_invite_is_closed_unasked_or_by_half_a_word(
    meshdht: Meshdht, service: FakeService
) -> None:
    said = "meshdht: revoking invite '5f3a' needs a confirmation\n  try: say --yes\n"
    assert meshdht("invite", "revoke", "5f3a") == (2, "", said)
    for missing in ((), ("",), ("laptop",)):
        assert meshdht("invite", "revoke", "--yes", *missing).code == 2
    assert service.administration.asked == []
    assert meshdht("invite", "laptop").code == 2
    assert meshdht("invite", "revoke", "beef", "--yes").code == 2
    assert service.invites == []
