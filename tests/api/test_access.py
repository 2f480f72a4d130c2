"""Who may command the daemon."""

from __future__ import annotations

import os
import socket

import pytest

from meshdht.api import access, errors
from meshdht.api.access import Credentials, groups_of_user, peer_credentials, refusal

OPERATORS = 4242
NOBODY = Credentials(pid=1, uid=65534, gid=65534)


@pytest.fixture
def operators(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group of operators that nobody's account is in."""
    for module in (access, errors):
        monkeypatch.setattr(module, "operators_gid", lambda: OPERATORS)
    monkeypatch.setattr(errors, "_is_operator", lambda _user: False)


def test_the_kernel_names_the_process_at_the_other_end() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        found = peer_credentials(ours)
        assert found[:3] == (os.getpid(), os.geteuid(), os.getegid())
        assert found.groups == set(os.getgroups())


def test_more_groups_than_can_be_read_are_looked_up_by_the_user() -> None:
    class Crowded:
        def getsockopt(self, level: int, option: int, size: int, /) -> bytes:
            if option != socket.SO_PEERCRED:
                raise OSError(34, "Numerical result out of range")
            return b"\1\0\0\0" + bytes(8)

    assert peer_credentials(Crowded()) == (1, 0, 0, groups_of_user(0, 0))
    assert 0 in groups_of_user(0, 0)
    assert groups_of_user(3_999_999, 5) == set()


@pytest.mark.usefixtures("operators")
def test_root_and_the_daemons_own_user_may() -> None:
    assert refusal(Credentials(1, 0, 0)) is None
    assert refusal(Credentials(1, os.geteuid(), 7)) is None


@pytest.mark.usefixtures("operators")
def test_an_operator_may_by_any_of_its_groups() -> None:
    assert refusal(Credentials(1, 65534, OPERATORS)) is None
    assert refusal(Credentials(1, 3_999_999, 5, frozenset({7, OPERATORS}))) is None
    assert refusal(Credentials(1, 3_999_999, 5, frozenset({7}))) is not None
    assert refusal(NOBODY) is not None


def test_without_a_group_nobody_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "operators_gid", lambda: None)
    monkeypatch.setattr(errors, "operators_gid", lambda: None)
    refused = refusal(NOBODY)
    assert refused is not None
    assert refused.message.startswith("user nobody may not talk to the daemon")
    assert "groupadd meshdht" in refused.hint
    assert "usermod -aG meshdht nobody" in refused.hint
    assert refused.exit_code == 1
