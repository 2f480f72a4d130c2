"""``meshdht device rename|tag|expire|replace-keys``."""

from __future__ import annotations

import json

import pytest

from meshdht.api.device_messages import (
    ExpireDevice,
    RenameDevice,
    ReplacedKeys,
    ReplaceKeys,
    TagDevice,
)
from meshdht.api.text import moment_text
from tests.api.fake_administration import JOINED
from tests.api.fake_daemon import FakeService
from tests.cli.conftest import Meshdht


def test_a_device_is_renamed(meshdht: Meshdht, service: FakeService) -> None:
    assert meshdht("device", "rename", "phone", "Pixel") == (0, "phone is pixel now\n", "")
    assert service.administration.asked == [RenameDevice(device="phone", name="pixel")]
    assert meshdht("device", "rename", "nas", "nas").out == "nas is nas already\n"


@pytest.mark.usefixtures("service")
def test_a_device_is_tagged_and_untagged(meshdht: Meshdht) -> None:
    tagged = meshdht("device", "tag", "phone", "home", "Mobile")
    assert tagged == (0, "phone is tagged home, mobile\n", "")
    assert "home mobile" in meshdht("devices").out
    assert meshdht("device", "tag", "phone") == (0, "phone has no tags\n", "")
    assert "TAGS" not in meshdht("devices").out


def test_a_device_expires_or_not(meshdht: Meshdht, service: FakeService) -> None:
    day = moment_text(JOINED + 7 * 86400)
    assert meshdht("device", "expire", "phone", "7d") == (0, f"phone expires {day}\n", "")
    assert day in meshdht("devices").out
    stays = (0, "phone stays until it is revoked\n", "")
    assert meshdht("device", "expire", "phone", "never") == stays
    assert service.administration.asked == [
        ExpireDevice(device="phone", after_s=7 * 86400),
        ExpireDevice(device="phone", after_s=None),
    ]


@pytest.mark.usefixtures("service")
def test_json_has_the_device_as_it_is_now(meshdht: Meshdht) -> None:
    told = json.loads(meshdht("device", "tag", "phone", "home", "--json").out)
    assert (told["version"], told["network"], told["changed"]) == (1, "home", True)
    assert told["device"]["tags"] == ["home"]


def test_keys_are_replaced(meshdht: Meshdht, service: FakeService) -> None:
    own = service.snapshot.device.id
    said = f"nas has new keys; its id is {own} now\n"
    assert meshdht("device", "replace-keys", "--yes") == (0, said, "")
    assert service.administration.asked == [ReplaceKeys()]
    told = json.loads(meshdht("device", "replace-keys", "--yes", "--json").out)
    assert told == {
        "version": 1, "network": "home", "name": "nas", "id": own, "former": "f" * 32,
    }  # fmt: skip


def test_keys_are_not_replaced_unasked(meshdht: Meshdht, service: FakeService) -> None:
    refused = meshdht("device", "replace-keys")
    assert (refused.code, refused.out) == (2, "")
    assert "replacing the keys of this device in network 'home' needs a" in refused.err
    assert meshdht("device", "replace-keys", "phone", "--yes").code == 2
    assert service.administration.asked == []


def test_a_daemon_that_does_not_come_back_is_told(
    meshdht: Meshdht, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def other() -> ReplacedKeys:
        return ReplacedKeys(network="home", name="nas", id="w" * 32, former="f" * 32)

    monkeypatch.setattr(service.administration, "replace_keys", other)
    monkeypatch.setattr("meshdht.cli.verbs.device.RESTART_TIMEOUT_S", 0.3)
    outcome = meshdht("device", "replace-keys", "--yes")
    assert (outcome.code, outcome.out) == (1, "")
    assert "the keys are replaced, but the daemon has not come back" in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("rename", "phone", "my phone"),
        ("tag", "phone", "no_tag"),
        ("tag", "phone", "x" * 33),
        ("expire", "phone", "soon"),
        ("expire", "phone"),
        ("rename", "tablet", "pad"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    meshdht: Meshdht, service: FakeService, arguments: tuple[str, ...]
) -> None:
    outcome = meshdht("device", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("meshdht: ")
    assert TagDevice not in map(type, service.administration.asked)
