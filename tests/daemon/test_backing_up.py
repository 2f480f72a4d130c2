"""A device into a file and back, on disk."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from meshdht.api.launch import Backup, LaunchRequest, Ready, Reporter, Restore
from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import DeviceId
from meshdht.crypto.passphrase import Cost
from meshdht.daemon.backing_up import RESTORE_MARGIN_S, Backups
from meshdht.daemon.persistence import STAMP_MARGIN_S, load, save_new, stamps_after
from meshdht.daemon.places import NetworkLock, Places
from meshdht.errors import AlreadyRunning, MeshdhtError, StateError, UsageError
from meshdht.records.sequence import COARSE_MS
from meshdht.store.store import Store
from simulations.loop import VirtualClock
from tests.daemon.test_persistence import ENDPOINT, founder
from tests.membership.household import Household

WORDS = "four random words"
OTHER = DeviceId(bytes(20))


def backups(folder: Path, machine: str) -> Backups:
    request = LaunchRequest(
        action=Restore(file="", passphrase=""),
        state_dir=str(folder / machine),
        runtime_dir=str(folder / "run"),
    )
    cheap = Cost(passes=1, memory_kib=64)
    return Backups(request, Reporter(None), VirtualClock(), SeededEntropy(1), cheap)


def places(folder: Path, machine: str, network: str = "home") -> Places:
    return Places(folder / machine, folder / "run", network)


async def a_device(folder: Path) -> Household:
    home = Household()
    here = places(folder, "old")
    here.make_directory()
    async with Store.open(here.database) as store:
        await save_new(store, founder(home), home.log, 41820, [ENDPOINT])
        store.raise_high_water(OTHER, 7)
    here.config.write_text('log_level = "debug"\n')
    return home


async def back_up(folder: Path) -> Path:
    file = folder / "nas.backup"
    request = Backup(network="home", file=str(file), passphrase=WORDS)
    done = await backups(folder, "old").back_up(request)
    assert (done.network, done.device) == ("home", "nas")
    return file


async def restore(
    folder: Path, file: Path, passphrase: str = WORDS, network: str | None = None
) -> Ready:
    request = Restore(file=str(file), passphrase=passphrase, network=network)
    return await backups(folder, "new").restore(request)


def everything(folder: Path) -> dict[str, bytes]:
    return {str(each): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_a_device_comes_back_on_another_machine_with_all_that_it_had(tmp_path: Path) -> None:
    async def main() -> None:
        home = await a_device(tmp_path)
        file = await back_up(tmp_path)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        done = await restore(tmp_path, file)
        assert (done.network, done.device) == ("home", "nas")
        here = places(tmp_path, "new")
        assert here.config.read_text() == 'log_level = "debug"\n'
        assert stat.S_IMODE(here.directory.stat().st_mode) == 0o700
        for each in (here.database, here.config):
            assert stat.S_IMODE(each.stat().st_mode) == 0o600
        async with Store.open(here.database) as store:
            state = await load(store)
        assert state.identity == founder(home)
        assert [each.raw for each in state.log] == [each.raw for each in home.log]
        assert state.hints == [ENDPOINT]
        assert state.marks == [(OTHER, 7)]
        assert [each.name for each in (tmp_path / "new").iterdir()] == ["home"]

    asyncio.run(main())


def test_it_starts_above_all_that_the_old_one_can_have_said_since(tmp_path: Path) -> None:
    async def main() -> None:
        await a_device(tmp_path)
        file = await back_up(tmp_path)
        now = VirtualClock().unix()
        # The old one goes on until now: its records and handshakes are ahead of the clock.
        async with Store.open(places(tmp_path, "old").database) as store:
            stamps = await stamps_after(store, now)
            last = await store.next_sequence(int(now * 1000) + 2 * COARSE_MS)
            stamps = max(stamps, last / 1000 + STAMP_MARGIN_S)
        await restore(tmp_path, file)
        async with Store.open(places(tmp_path, "new").database) as store:
            assert await store.next_sequence(0) > last
            assert await stamps_after(store, now) > stamps
            assert await store.next_sequence(0) < (now + RESTORE_MARGIN_S + 60) * 1000

    asyncio.run(main())


def test_a_wrong_passphrase_writes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        await a_device(tmp_path)
        file = await back_up(tmp_path)
        before = everything(tmp_path)
        with pytest.raises(UsageError, match="passphrase is wrong"):
            await restore(tmp_path, file, "four random word")
        with pytest.raises(UsageError, match="no backup"):
            await restore(tmp_path, places(tmp_path, "old").database)
        with pytest.raises(UsageError, match="No such file"):
            await restore(tmp_path, tmp_path / "absent")
        assert everything(tmp_path) == before
        assert not (tmp_path / "new").exists()

    asyncio.run(main())


def test_nothing_is_written_over_what_is_there(tmp_path: Path) -> None:
    async def main() -> None:
        await a_device(tmp_path)
        file = await back_up(tmp_path)
        await restore(tmp_path, file)
        before = everything(tmp_path)
        with pytest.raises(UsageError, match="is not empty"):
            await restore(tmp_path, file)
        with pytest.raises(UsageError, match="exists"):
            await back_up(tmp_path)
        assert everything(tmp_path) == before
        assert (await restore(tmp_path, file, network="flat")).network == "flat"
        assert places(tmp_path, "new", "flat").database.exists()

    asyncio.run(main())


def test_a_network_that_is_up_or_absent_is_not_backed_up(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(UsageError, match="no network 'home'"):
            await back_up(tmp_path)
        await a_device(tmp_path)
        with NetworkLock(places(tmp_path, "old")), pytest.raises(AlreadyRunning):
            await back_up(tmp_path)
        assert not (tmp_path / "nas.backup").exists()

    asyncio.run(main())


def test_a_disk_that_fails_leaves_no_half_of_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    async def main() -> None:
        await a_device(tmp_path)
        file = await back_up(tmp_path)
        monkeypatch.setattr("meshdht.daemon.backing_up._write", full)
        with pytest.raises(StateError, match="No space left"):
            await restore(tmp_path, file)
        assert list((tmp_path / "new").iterdir()) == []
        file.unlink()
        with pytest.raises(StateError, match="No space left"):
            await back_up(tmp_path)
        assert not file.exists()

    asyncio.run(main())


def test_a_backup_that_holds_no_device_leaves_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        here = places(tmp_path, "old")
        here.make_directory()
        async with Store.open(here.database):
            pass
        with pytest.raises(MeshdhtError, match="holds no device"):
            await back_up(tmp_path)
        assert not (tmp_path / "nas.backup").exists()

    asyncio.run(main())
