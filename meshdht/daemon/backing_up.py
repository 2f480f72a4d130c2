"""A device into an encrypted file, and out of it on a machine that has none of that network."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from meshdht.api.launch import Backup as BackupRequest
from meshdht.api.launch import LaunchRequest, Ready, Reporter, Restore
from meshdht.clock import Clock, Entropy, SystemClock, SystemEntropy
from meshdht.crypto.boxes import NONCE_SIZE
from meshdht.crypto.passphrase import MODERATE, SALT_SIZE, Cost
from meshdht.daemon.launch import run_to_the_end
from meshdht.daemon.persistence import load
from meshdht.daemon.places import NetworkLock, Places
from meshdht.errors import StateError, UsageError
from meshdht.limits import BACKUP_SIZE_MAX
from meshdht.membership.fold import fold
from meshdht.membership.names import validate_label
from meshdht.node.ports import NodeState
from meshdht.store.backup import Backup, open_backup, read_database, seal_backup
from meshdht.store.store import Store

# Sequences and the dates of handshakes run ahead of the clock, by an hour and a half at most (see
# ``stamps_after`` and ``coarse_sequence``). What is restored starts above all of them: the device
# may have gone on for years after the backup.
RESTORE_MARGIN_S = 2 * 3600


class Backups:
    """Backs up and restores beneath one pair of directories."""

    def __init__(
        self,
        request: LaunchRequest,
        reporter: Reporter,
        clock: Clock,
        entropy: Entropy,
        cost: Cost = MODERATE,
    ) -> None:
        self._state_dir = Path(request.state_dir)
        self._runtime_dir = Path(request.runtime_dir)
        self._reporter = reporter
        self._clock = clock
        self._entropy = entropy
        self._cost = cost

    async def back_up(self, request: BackupRequest) -> Ready:
        """Write a new file, which its owner alone may read; raises MeshdhtError. The network must
        be down: a copy of a device that goes on would be another one."""
        places = self._places(request.network)
        places.refuse_absent()
        file = Path(request.file)
        with NetworkLock(places):
            async with Store.open(places.database) as store:
                name = _name(await load(store))
            config = places.config.read_bytes() if places.config.exists() else b""
            backup = Backup(places.network, config, read_database(places.database))
        with _new_file(file) as descriptor:
            self._reporter.progress("sealing it under the passphrase")
            salt, nonce = self._entropy.token(SALT_SIZE), self._entropy.token(NONCE_SIZE)
            sealed = seal_backup(
                backup, request.passphrase, salt=salt, nonce=nonce, cost=self._cost
            )
            _write(descriptor, sealed)
        return Ready(network=places.network, socket="", device=name, addresses=())

    async def restore(self, request: Restore) -> Ready:
        """Make the state of a device whole, or not at all; raises MeshdhtError."""
        self._reporter.progress("opening it with the passphrase")
        backup = open_backup(_read(Path(request.file)), request.passphrase)
        places = self._places(request.network or backup.network)
        _refuse_present(places)
        places.make_state_dir()
        try:
            fresh = Path(tempfile.mkdtemp(prefix=".restoring-", dir=self._state_dir))
            try:
                name = await self._fill(fresh, backup)
                _put_in_place(fresh, places.directory)
            except BaseException:
                shutil.rmtree(fresh, ignore_errors=True)
                raise
        except OSError as error:
            raise StateError(
                f"cannot write {places.directory}: {error.strerror}",
                "run as root, free some space, or choose another --state-dir",
            ) from None
        return Ready(network=places.network, socket="", device=name, addresses=())

    async def _fill(self, directory: Path, backup: Backup) -> str:
        """Write what was kept; returns what the device is called."""
        for file, content in (("state.db", backup.database), ("config.toml", backup.config)):
            if content:
                with _new_file(directory / file) as descriptor:
                    _write(descriptor, content)
        async with Store.open(directory / "state.db") as store:
            name = _name(await load(store))
            # The clock may be wrong, and the last one used all that there is to go by.
            latest = await store.next_sequence(int(self._clock.unix() * 1000))
            await store.next_sequence(latest + RESTORE_MARGIN_S * 1000)
        return name

    def _places(self, network: str) -> Places:
        validate_label(network, "network name")
        return Places(self._state_dir, self._runtime_dir, network)


def launch_backup(
    action: BackupRequest | Restore, request: LaunchRequest, reporter: Reporter
) -> None:
    """Do it, and report Ready; raises MeshdhtError."""
    backups = Backups(request, reporter, SystemClock(), SystemEntropy())

    async def run() -> None:
        if isinstance(action, Restore):
            reporter.ready(await backups.restore(action))
        else:
            reporter.ready(await backups.back_up(action))

    run_to_the_end(run, reporter.supervisor)


def _name(state: NodeState) -> str:
    return fold(state.log).name_of(state.identity.device)


def _refuse_present(places: Places) -> None:
    if places.directory.exists() and any(places.directory.iterdir()):
        raise UsageError(
            f"{places.directory} is not empty: nothing is restored over what is there",
            "restore under another name (--network), or move it away",
        )


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(BACKUP_SIZE_MAX + 1)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    if len(data) > BACKUP_SIZE_MAX:
        raise UsageError(f"{file} is too large to be a backup")
    return data


@contextmanager
def _new_file(file: Path) -> Iterator[int]:
    """A file that was not there before, for its owner alone; gone again if it cannot be filled.
    Raises UsageError if it exists, StateError if the disk refuses."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise UsageError(f"{file} exists: it is not overwritten", "choose another name") from None
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from None
    try:
        yield descriptor
    except BaseException as error:
        file.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StateError(
                f"cannot write {file}: {error.strerror}", "is the disk full?"
            ) from None
        raise
    finally:
        os.close(descriptor)


def _write(descriptor: int, content: bytes) -> None:
    """All of it, on the disk when it returns."""
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _put_in_place(fresh: Path, directory: Path) -> None:
    """The one step by which a network is there; raises OSError."""
    _sync(fresh)
    fresh.rename(directory)
    _sync(directory.parent)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
