"""The tools of the system: what they say when they fail, and which file is a unit's."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdht.api.errors import ApiError
from meshdht.service import systemd


def test_a_tool_that_fails_is_quoted() -> None:
    with pytest.raises(ApiError, match=r"^sh -c .*: no such unit$"):
        systemd.run("sh", "-c", "echo first >&2; echo no such unit >&2; exit 4")


def test_one_that_fails_without_a_word_has_its_exit_code_told() -> None:
    with pytest.raises(ApiError, match="exit code 3"):
        systemd.run("sh", "-c", "exit 3")


def test_one_that_is_missing_is_named() -> None:
    with pytest.raises(ApiError, match="no no-such-tool on this machine"):
        systemd.run("no-such-tool")


def test_the_administrators_unit_comes_before_the_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = tmp_path / "etc", tmp_path / "usr"
    for place in places:
        place.mkdir()
    monkeypatch.setattr(systemd, "UNIT_DIRS", places)
    assert systemd.unit_file("meshdht@.service") is None
    for place in reversed(places):
        (place / "meshdht@.service").touch()
        assert systemd.unit_file("meshdht@.service") == place / "meshdht@.service"


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        ("StatusText=it was revoked\nExecMainCode=1\nExecMainStatus=3", ("it was revoked", 3)),
        ("Result=timeout\nExecMainCode=2\nExecMainStatus=15", ("timeout", 1)),
        ("Result=exit-code\nExecMainCode=1\nExecMainStatus=0", ("exit-code", 1)),
    ],
)
def test_why_a_unit_failed_is_what_its_service_said(
    shown: str, why: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "systemctl", lambda *arguments: shown)
    assert systemd.why_failed("meshdht@home.service") == why
