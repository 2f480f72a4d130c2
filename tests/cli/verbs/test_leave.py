"""``meshdht leave``: asks, or takes --yes; waits for the daemon's end; says what remains."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from meshdht.api.errors import as_root
from meshdht.api.removal_messages import Leave
from tests.api.fake_daemon import FakeService
from tests.cli.conftest import Meshdht


@pytest.fixture(autouse=True)
def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    # The fake daemon is a thread of this process, whose end nobody can wait for.
    monkeypatch.setattr("meshdht.api.client.peer_credentials", lambda _: SimpleNamespace(pid=0))


def test_a_device_leaves_and_is_told_what_remains(meshdht: Meshdht, service: FakeService) -> None:
    said = meshdht("leave", "--yes")
    assert (said.code, said.out) == (0, "nas has left home; its daemon is down\n")
    assert said.err == (
        "keys and log remain in /var/lib/meshdht/home; remove them:"
        f" {as_root('meshdht forget --network home')}\n"
    )
    assert service.administration.asked == [Leave()]
    assert service.stopped.is_set()


@pytest.mark.usefixtures("service")
def test_json_has_where_the_state_lies(meshdht: Meshdht) -> None:
    told = json.loads(meshdht("leave", "--yes", "--json").out)
    assert told == {
        "version": 1, "network": "home", "name": "nas", "told": True,
        "directory": "/var/lib/meshdht/home",
    }  # fmt: skip


def test_nobody_leaves_unasked(meshdht: Meshdht, service: FakeService) -> None:
    said = "meshdht: leaving network 'home' needs a confirmation\n  try: say --yes\n"
    assert meshdht("leave") == (2, "", said)
    assert service.administration.asked == []
