"""``meshdht service``: what it prints, and whom it refuses; installed for real it is in
tests/lab/test_installation.py."""

from __future__ import annotations

import os

import pytest

from meshdht.api.launch import Ready
from meshdht.cli.verbs import start
from meshdht.service import service
from tests.cli.conftest import Meshdht


@pytest.mark.parametrize("verb", ["install", "remove", "restart"])
def test_it_is_for_root(meshdht: Meshdht, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    refused = meshdht("service", verb)
    assert refused.code == 1
    assert f"sudo meshdht service {verb}" in refused.err


def test_it_names_the_units_that_are_up(meshdht: Meshdht, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(service, "install", lambda: ["meshdht@home.service"])
    assert meshdht("service", "install").out == "meshdht@home.service is up\n"
    monkeypatch.setattr(service, "install", lambda: [])
    assert "init and join" in meshdht("service", "install").out


def test_a_network_in_a_directory_of_its_own_is_not_for_systemd(
    meshdht: Meshdht, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(service, "is_installed", lambda: pytest.fail("not asked"))
    ready = Ready(network="home", socket="", device="nas", addresses=("100.64.0.1",))
    monkeypatch.setattr(start, "start", lambda *_: ready)
    said = meshdht("up", "--network", "home")
    assert said.out == "network home is up; this device is nas, 100.64.0.1\n"
