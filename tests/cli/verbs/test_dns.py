"""``meshdht dns add``, ``remove`` and ``list``."""

from __future__ import annotations

import json

import pytest

from meshdht.api.name_messages import AddName, RemoveName
from tests.api.fake_administration import JOINED
from tests.api.fake_daemon import FakeService
from tests.cli.conftest import Meshdht


@pytest.mark.usefixtures("service")
def test_all_names_are_listed_with_whose_they_are(meshdht: Meshdht) -> None:
    title, first, second, third = meshdht("dns", "list").out.splitlines()
    assert title.split() == ["NAME", "TYPE", "VALUE", "OF", "ADDED", "BY", "SINCE"]
    assert first.split() == ["nas.home.internal", "A", "100.99.0.1", "device"]
    assert second.split() == ["nas.home.internal", "AAAA", "fd00::1", "device"]
    assert third.split()[:4] == ["wiki.home.internal", "A", "100.99.0.9", "nas"]


def test_a_name_is_added_with_or_without_its_type(meshdht: Meshdht, service: FakeService) -> None:
    said = meshdht("dns", "add", "wiki", "100.99.0.9")
    assert said.out == "wiki.home.internal stands for 100.99.0.9\n"
    meshdht("dns", "add", "wiki", "a", "100.99.0.9")
    already = meshdht("dns", "add", "blog", "cname", "nas").out
    assert already == "blog.home.internal stands for 100.99.0.9 already\n"
    assert service.administration.asked == [
        AddName(name="wiki", value="100.99.0.9"),
        AddName(name="wiki", value="100.99.0.9", kind="A"),
        AddName(name="blog", value="nas", kind="CNAME"),
    ]


@pytest.mark.parametrize("value", [("MX", "nas"), ("A", "CNAME", "nas"), ()])
@pytest.mark.usefixtures("service")
def test_what_is_no_value_is_an_error_of_use(meshdht: Meshdht, value: tuple[str, ...]) -> None:
    said = meshdht("dns", "add", "wiki", *value)
    assert (said.code, said.out) == (2, "")


def test_a_name_is_removed_whole_or_in_part(meshdht: Meshdht, service: FakeService) -> None:
    assert meshdht("dns", "remove", "wiki").out == "wiki.home.internal is gone\n"
    meshdht("dns", "remove", "wiki", "100.99.0.9")
    assert service.administration.asked == [
        RemoveName(name="wiki"),
        RemoveName(name="wiki", value="100.99.0.9"),
    ]


@pytest.mark.usefixtures("service")
def test_json_has_the_keys_that_scripts_lean_on(meshdht: Meshdht) -> None:
    wiki = {
        "name": "wiki", "kind": "A", "value": "100.99.0.9", "device": False, "by": "nas",
        "since": JOINED,
    }  # fmt: skip
    listed = json.loads(meshdht("dns", "list", "--json").out)
    assert (listed["version"], listed["network"], listed["zone"]) == (1, "home", "home.internal")
    assert listed["names"][-1] == wiki
    changed = json.loads(meshdht("dns", "add", "wiki", "100.99.0.9", "--json").out)
    assert changed == {
        "version": 1, "network": "home", "zone": "home.internal", "name": "wiki",
        "entries": [wiki], "changed": True,
    }  # fmt: skip
