"""Peers of other releases, and of other versions of the protocol."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from meshdht.api.warning_messages import OtherVersion
from meshdht.doctor.checks.versions import LATELY_S, judge
from tests.api.fake_daemon import ATTIC, LAPTOP, PHONE
from tests.doctor.facts import WELL, judged, only, running


def test_without_a_daemon_or_before_a_peer_has_said_what_it_runs_there_is_nothing_to_say() -> None:
    assert judged(judge) == []
    assert judged(judge, WELL, running(peers=(PHONE, ATTIC))) == []


def test_peers_of_the_same_release_are_fine() -> None:
    found = only(judge, WELL, running(peers=(LAPTOP, ATTIC)))
    assert (found.level, found.check) == ("fine", "version")
    assert found.message.endswith("run 0.1.0, as this device (1 of 2)")


def test_a_peer_that_is_ahead_is_a_hint_to_update_this_device() -> None:
    found = only(judge, WELL, running(peers=(LAPTOP, replace(PHONE, release="0.10.0"))))
    assert found.level == "note"
    assert "phone 0.10.0" in found.message
    assert found.message.endswith("may lack what 0.10.0 has; update this device")


def test_a_peer_that_is_behind_is_to_be_updated_itself() -> None:
    peers = (replace(LAPTOP, release="0.0.9"), replace(PHONE, release="0.1.0rc1"))
    found = only(judge, WELL, running(peers=peers))
    assert found.message.endswith("may lack what 0.1.0 has; update laptop and phone")


def test_of_many_peers_a_few_are_named() -> None:
    peers = tuple(replace(LAPTOP, name=f"d{n}", id=str(n), release="0.0.1") for n in range(30))
    found = only(judge, WELL, running(peers=peers))
    assert "d3 0.0.1 and 26 more" in found.message
    assert "d4" not in found.message
    assert found.message.endswith("update d0 and d1 and d2 and d3 and others")


@pytest.mark.parametrize(
    ("version", "device", "who", "outdated"),
    [
        (2, "phone", "phone (192.0.2.7:41820)", "this device is updated"),
        (0, None, "something at 192.0.2.7:41820", "that device is updated"),
    ],
)
def test_a_protocol_that_is_not_read_is_a_problem(
    version: int, device: str | None, who: str, outdated: str
) -> None:
    other = OtherVersion(
        endpoint="192.0.2.7:41820", version=version, heard_age_s=12.0, device=device
    )
    found = only(judge, WELL, running(peers=(), other_versions=(other,)))
    assert found.level == "problem"
    assert found.message.startswith(f"{who} speaks version {version} of the protocol")
    assert found.message.endswith(outdated)


def test_one_that_was_heard_long_ago_may_have_been_updated_since() -> None:
    old = OtherVersion(endpoint="192.0.2.7:41820", version=2, heard_age_s=LATELY_S + 1)
    assert judged(judge, WELL, running(peers=(), other_versions=(old,))) == []


@pytest.mark.parametrize("release", ["", "-", "x.y", "1..2", "9" * 20])
def test_whatever_a_peer_calls_its_release_is_judged(release: str) -> None:
    found = judged(judge, WELL, running(peers=(replace(LAPTOP, release=release),)))
    assert [each.level for each in found] == (["note"] if release else [])
