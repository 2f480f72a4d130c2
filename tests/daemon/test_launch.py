"""From a launch request to a daemon, or to an error that leaves nothing behind."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from meshdht.api.launch import Create, Join, LaunchRequest, Reporter, Run
from meshdht.daemon.launch import Launch
from meshdht.daemon.persistence import load
from meshdht.errors import ConfigError, InvalidName, LinkError, MeshdhtError, StateError, UsageError
from meshdht.membership.statements import UnknownBody, sign_statement
from meshdht.store.migrations import VERSION
from meshdht.store.rows import StatementRow
from meshdht.store.store import Store
from tests.daemon.daemon_process import HAS_TUN, daemon


def refused(folder: Path, action: Create | Join | Run) -> MeshdhtError:
    """The error that a launch ends with before it needs a machine's privileges."""
    request = LaunchRequest(
        action=action, state_dir=str(folder / "state"), runtime_dir=str(folder / "run")
    )
    with pytest.raises(MeshdhtError) as raised:
        asyncio.run(Launch(request, Reporter(None)).run())
    return raised.value


def test_a_network_that_is_not_here_is_named_with_the_ways_to_get_one(tmp_path: Path) -> None:
    error = refused(tmp_path, Run(network="home"))
    assert isinstance(error, UsageError)
    assert "'home'" in error.message
    assert "meshdht init" in error.hint
    assert "meshdht join" in error.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda name: Create(network=name, name="nas"),
        lambda name: Run(network=name),
    ],
)
@pytest.mark.parametrize("name", ["../etc", "Home", "", "a" * 64, "a/b"])
def test_a_network_name_is_a_label_before_it_is_a_path(
    tmp_path: Path, make: Callable[[str], Create | Run], name: str
) -> None:
    assert isinstance(refused(tmp_path, make(name)), InvalidName)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_link_is_refused_and_not_repeated(tmp_path: Path) -> None:
    error = refused(tmp_path, Join(link="meshdht://home/c2VjcmV0LXNlY3JldC1zZWNyZXQ"))
    assert isinstance(error, LinkError)
    assert "c2VjcmV0" not in error.message + error.hint
    assert list(tmp_path.iterdir()) == []


def test_founding_what_is_here_already_changes_nothing(tmp_path: Path) -> None:
    database = tmp_path / "state" / "home" / "state.db"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"precious")
    error = refused(tmp_path, Create(network="home", name="nas"))
    assert isinstance(error, UsageError)
    assert "exists" in error.message
    assert database.read_bytes() == b"precious"


def test_an_empty_database_is_damage_and_not_a_new_device(tmp_path: Path) -> None:
    database = tmp_path / "state" / "home" / "state.db"
    database.parent.mkdir(parents=True)
    database.touch()
    error = refused(tmp_path, Run(network="home"))
    assert isinstance(error, StateError)
    assert str(database) in error.message


def test_a_wrong_configuration_stops_a_founding_and_stays_as_it_is(tmp_path: Path) -> None:
    config = tmp_path / "state" / "home" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("listen_prot = 1\n")
    error = refused(tmp_path, Create(network="home", name="nas"))
    assert isinstance(error, ConfigError)
    assert list(config.parent.iterdir()) == [config]
    assert config.read_text() == "listen_prot = 1\n"


@pytest.mark.lab
@pytest.mark.skipif(not HAS_TUN, reason="needs root and /dev/net/tun")
def test_a_founding_that_fails_late_leaves_nothing(tmp_path: Path) -> None:
    action = Create(network="home", name="nas", listen_port=0, ipv4_range="10.0.0.0/40")
    with daemon(tmp_path, action) as running:
        failed = running.report()
        assert failed["type"] == "failed"
        assert "10.0.0.0/40" in failed["message"]
        assert running.process.wait(10) == failed["exit_code"] == 2
    assert list((tmp_path / "state").iterdir()) == []


def made(folder: Path) -> Path:
    """The state of a network that was made here, and is down."""
    with daemon(folder, Create(network="home", name="nas", listen_port=0)) as running:
        assert running.report()["type"] == "ready"
        running.process.terminate()
        assert running.process.wait(10) == 0
    return folder / "state" / "home"


def state_of(directory: Path) -> dict[str, bytes]:
    """Every file but the lock, which names the last process that looked."""
    return {each.name: each.read_bytes() for each in directory.iterdir() if each.name != "lock"}


async def write_newer_statement(database: Path) -> None:
    """An admin's device with a later version wrote what this one does not know."""
    async with Store.open(database) as store:
        state = await load(store)
        statement = sign_statement(
            UnknownBody(200, b"a word of later"),
            network=state.log.network,
            author=state.identity.signing,
            parents=state.log.heads(),
            unix_ms=0,
        )
        await store.append_statements([StatementRow(statement.hash, statement.raw, None)])


def write_newer_schema(database: Path) -> None:
    """A later version has used this store."""
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("CREATE TABLE later (word TEXT) STRICT")
        opened.execute(f"PRAGMA user_version = {VERSION + 1}")


@pytest.mark.lab
@pytest.mark.skipif(not HAS_TUN, reason="needs root and /dev/net/tun")
@pytest.mark.parametrize("what", ["log", "store"])
def test_what_a_newer_version_wrote_stays_as_it_is(tmp_path: Path, what: str) -> None:
    directory = made(tmp_path)
    if what == "log":
        asyncio.run(write_newer_statement(directory / "state.db"))
    else:
        write_newer_schema(directory / "state.db")
    before = state_of(directory)
    for _ in range(2):
        with daemon(tmp_path, Run(network="home")) as running:
            failed = running.report()
            assert failed["type"] == "failed"
            assert "newer" in failed["message"]
            assert "nothing was changed" in failed["hint"]
            assert running.process.wait(10) == failed["exit_code"] == 1
        assert state_of(directory) == before
