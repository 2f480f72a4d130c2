"""Where state and sockets lie, and which network a verb means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meshdht.api.errors import ApiError
from meshdht.cli.settings import Settings
from tests.api.fake_daemon import serving
from tests.cli.conftest import Meshdht


@pytest.fixture
def settings(state_dir: Path, runtime_dir: Path) -> Settings:
    return Settings(state_dir=state_dir, runtime_dir=runtime_dir)


def found(settings: Settings, name: str) -> None:
    """State on disk of a network called ``name``."""
    (settings.state_dir / name).mkdir()
    (settings.state_dir / name / "state.db").touch()


def test_the_only_network_is_meant_whether_it_has_state_or_a_socket(settings: Settings) -> None:
    (settings.runtime_dir / "home.sock").touch()
    (settings.runtime_dir / "home.lock").touch()
    (settings.state_dir / "left-over").mkdir()
    assert settings.chosen() == "home"
    found(settings, "home")
    found(settings, ".restoring-1234")
    assert settings.networks() == ["home"]
    assert settings.chosen_socket() == settings.runtime_dir / "home.sock"


def test_the_named_network_is_meant_among_several(settings: Settings) -> None:
    for name in ("office", "home"):
        found(settings, name)
    assert settings.networks() == ["home", "office"]
    settings = settings._replace(network="office")
    assert settings.chosen() == "office"


def test_without_a_network_the_way_to_one_is_told(settings: Settings) -> None:
    with pytest.raises(ApiError, match="belongs to no network yet") as caught:
        settings.chosen()
    assert "meshdht init home" in caught.value.hint
    assert "meshdht join LINK" in caught.value.hint


def test_who_may_not_look_into_the_state_is_not_told_that_there_is_none(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ApiError, match="no network is up here") as caught:
        settings.chosen()
    assert caught.value.hint.endswith("meshdht up")


def test_options_may_stand_before_or_after_the_verb(
    meshdht: Meshdht, tmp_path: Path, runtime_dir: Path
) -> None:
    other = runtime_dir / "other"
    other.mkdir()
    with serving(other / "home.sock"):
        for arguments in (
            ("--runtime-dir", str(other), "status"),
            ("status", "--runtime-dir", str(other)),
            ("--runtime-dir", str(tmp_path), "status", "--runtime-dir", str(other)),
        ):
            assert meshdht(*arguments).code == 0
        assert meshdht("status").code == 1


def test_several_networks_need_to_be_told_apart(meshdht: Meshdht, runtime_dir: Path) -> None:
    with serving(runtime_dir / "home.sock"), serving(runtime_dir / "office.sock"):
        result = meshdht("status")
        assert result.code == 2
        assert "several networks are here: home, office" in result.err
        assert "--network home" in result.err
        assert meshdht("status", "--network", "office").code == 0
        assert meshdht("--network", "office", "status").code == 0


def test_the_environment_may_name_the_network(
    meshdht: Meshdht, runtime_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(runtime_dir / "home.sock"), serving(runtime_dir / "office.sock"):
        monkeypatch.setenv("MESHDHT_NETWORK", "office")
        assert meshdht("status").code == 0
        assert meshdht("--network", "attic", "status").code == 1


def test_a_mistyped_network_is_told_from_one_that_is_down(settings: Settings) -> None:
    found(settings, "office")
    with pytest.raises(ApiError, match="no network 'offce' here") as raised:
        settings._replace(network="offce").chosen()
    assert raised.value.hint == "did you mean office?"
    assert settings._replace(network="home").chosen() == "home"
