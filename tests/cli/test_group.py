"""Verbs that have verbs of their own."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Meshdht


@pytest.mark.parametrize("group", ["anchor", "admin", "device"])
def test_alone_it_explains_itself_as_a_usage_error(meshdht: Meshdht, group: str) -> None:
    result = meshdht(group)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"Usage: meshdht {group}")


@pytest.mark.parametrize("group", ["anchor", "admin", "device", "invite"])
def test_its_help_says_of_each_verb_in_one_whole_line_what_it_does(
    meshdht: Meshdht, group: str
) -> None:
    _, verbs = meshdht(group, "--help").out.split("Commands:\n")
    assert verbs.strip()
    assert "..." not in verbs


@pytest.mark.parametrize("verb", [(), ("devices",), ("device",), ("device", "tag")])
def test_help_is_also_a_word(meshdht: Meshdht, verb: tuple[str, ...]) -> None:
    asked = meshdht(*verb, "--help")
    assert (asked.code, asked.err) == (0, "")
    assert meshdht("help", *verb) == asked
    assert meshdht("help", "nosuch").code == 2


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
