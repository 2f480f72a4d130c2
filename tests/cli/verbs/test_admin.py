"""``meshdht admin add|remove|list``."""

from __future__ import annotations

import json

import pytest

from meshdht.api.device_messages import GrantAdmin, RemoveAdmin
from tests.api.fake_daemon import FakeService
from tests.cli.conftest import Meshdht


def test_a_device_becomes_an_admin_and_is_one_no_more(
    meshdht: Meshdht, service: FakeService
) -> None:
    assert meshdht("admin", "add", "phone") == (0, "phone is an admin now\n", "")
    assert meshdht("admin", "add", "phone") == (0, "phone is an admin already\n", "")
    removed = meshdht("admin", "remove", "phone", "--yes")
    assert removed == (0, "phone is no admin any more\n", "")
    again = meshdht("admin", "remove", "phone", "--yes")
    assert again == (0, "phone is no admin\n", "")
    assert service.administration.asked == [
        *[GrantAdmin(device="phone")] * 2,
        *[RemoveAdmin(device="phone")] * 2,
    ]


@pytest.mark.usefixtures("service")
def test_the_admins_are_listed(meshdht: Meshdht) -> None:
    meshdht("admin", "add", "phone")
    listed = meshdht("admin", "list").out
    assert [line.split()[0] for line in listed.splitlines()] == ["NAME", "nas", "phone"]
    told = json.loads(meshdht("admin", "list", "--json").out)
    assert (told["version"], told["network"]) == (1, "home")
    assert [each["name"] for each in told["devices"]] == ["nas", "phone"]


def test_nobody_loses_admin_unasked(meshdht: Meshdht, service: FakeService) -> None:
    said = "meshdht: taking admin from 'phone' needs a confirmation\n  try: say --yes\n"
    assert meshdht("admin", "remove", "phone") == (2, "", said)
    assert service.administration.asked == []
