"""Who may command the daemon."""

from __future__ import annotations

import os
import socket

import pytest

from meshdht.api import access
from meshdht.api.access import Credentials, peer_credentials, refusal

NOBODY = Credentials(pid=1, uid=65534, gid=65534)


def test_the_kernel_names_the_process_at_the_other_end() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert peer_credentials(ours) == (os.getpid(), os.geteuid(), os.getegid())


def test_root_and_the_daemons_own_user_may() -> None:
    assert refusal(Credentials(1, 0, 0)) is None
    assert refusal(Credentials(1, os.geteuid(), 4242)) is None


def test_an_operator_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "operators_gid", lambda: 4242)
    assert refusal(Credentials(1, 65534, 4242)) is None
    assert refusal(Credentials(1, 3_999_999, 4242)) is None
    assert refusal(NOBODY) is not None


def test_others_are_told_how_to_become_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "operators_gid", lambda: None)
    refused = refusal(NOBODY)
    assert refused is not None
    assert refused.message == "user nobody may not talk to the daemon"
    assert "usermod -aG meshdht nobody" in refused.hint
    assert refused.exit_code == 1
