"""Errors of the local API: what a failed connect means, and the way out."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from meshdht.api import errors
from meshdht.api.errors import (
    ApiError,
    NoDaemon,
    NoPermission,
    as_root,
    connect_error,
    no_permission,
    path_too_long,
    user_name,
)

SOCKET = Path("/run/meshdht/home.sock")


def test_no_permission_is_told_apart_from_no_daemon() -> None:
    error = connect_error(Path("/run/meshdht/home.sock"), PermissionError(13, "denied"))
    assert isinstance(error, NoPermission)


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR])
def test_nothing_on_the_socket_is_no_daemon_with_the_command_that_starts_it(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    error = connect_error(SOCKET, OSError(number, os.strerror(number)))
    assert isinstance(error, NoDaemon)
    assert (error.message, error.exit_code) == ("network 'home' is not up", 1)
    assert error.hint == "meshdht up --network home"


def group(monkeypatch: pytest.MonkeyPatch, gid: int | None, *members: str) -> None:
    """Have the group of operators be this one."""
    monkeypatch.setattr(errors, "operators_gid", lambda: gid)
    monkeypatch.setattr(errors, "_is_operator", lambda user: user in members)
    monkeypatch.setattr(os, "geteuid", lambda: 65534)


def test_a_user_without_permission_reads_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    group(monkeypatch, 4242)
    error = connect_error(SOCKET, PermissionError(errno.EACCES, "denied"))
    assert error.message.startswith("user nobody may not talk to the daemon")
    assert error.hint.endswith("sudo usermod -aG meshdht nobody; then log in again")
    assert "groupadd" not in error.hint


def test_a_machine_without_the_group_is_told_to_make_it(monkeypatch: pytest.MonkeyPatch) -> None:
    group(monkeypatch, None)
    assert "sudo groupadd meshdht && sudo usermod" in no_permission(65534, ()).hint


def test_an_old_session_is_told_to_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    group(monkeypatch, 4242, "nobody")
    refused = no_permission(65534, ())
    assert "this session is from before" in refused.message
    assert refused.hint == "log in again, or: newgrp meshdht"


def test_a_daemon_that_is_older_than_the_group_is_to_start_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group(monkeypatch, 4242, "nobody")
    refused = no_permission(65534, (4242,), is_shut=True)
    assert refused.hint == "sudo meshdht down && sudo meshdht up"


def test_any_other_failure_keeps_the_systems_words() -> None:
    error = connect_error(SOCKET, OSError(errno.EMFILE, "Too many open files"))
    assert type(error) is ApiError
    assert error.message == f"cannot reach the daemon at {SOCKET}: Too many open files"


def test_a_path_too_long_is_the_users_to_mend() -> None:
    error = path_too_long(SOCKET)
    assert error.exit_code == 2
    assert "--runtime-dir" in error.hint


def test_commands_are_told_as_the_user_has_to_type_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert as_root("meshdht up") == "sudo meshdht up"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert as_root("meshdht up") == "meshdht up"


def test_a_user_without_a_name_is_a_number() -> None:
    assert user_name(0) == "root"
    assert user_name(3_999_999_999) == "3999999999"
