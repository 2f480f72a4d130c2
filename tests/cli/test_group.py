"""Verbs that have verbs of their own."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Meshdht


@pytest.mark.parametrize("group", ["anchor", "admin", "device"])
def test_alone_it_explains_itself_as_a_usage_error(meshdht: Meshdht, group: str) -> None:
    result = meshdht(group)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"Usage: meshdht {group}")


@pytest.mark.parametrize(
    ("typed", "said", "tip"),
    [
        (("admin", "ad"), "there is no verb 'admin ad'", "meshdht admin add"),
        (("device", "renam"), "there is no verb 'device renam'", "meshdht device rename"),
        (("invite", "laptop"), "there is no verb 'invite laptop'", "meshdht invite --help"),
        (("stats",), "there is no verb 'stats'", "meshdht status"),
    ],
)
def test_a_verb_that_there_is_not_is_answered_with_the_nearest(
    meshdht: Meshdht, typed: tuple[str, ...], said: str, tip: str
) -> None:
    assert meshdht(*typed) == (2, "", f"meshdht: {said}\n  try: {tip}\n")
