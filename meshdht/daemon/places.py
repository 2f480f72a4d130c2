"""Where a network's things lie on this machine."""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from meshdht.crypto.derive import digest
from meshdht.errors import AlreadyRunning, StateError, UsageError

_INTERFACE_MAX = 15


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one network; ``network`` is what this machine calls it."""

    state_dir: Path
    runtime_dir: Path
    network: str

    @property
    def directory(self) -> Path:
        return self.state_dir / self.network

    @property
    def database(self) -> Path:
        return self.directory / "state.db"

    @property
    def config(self) -> Path:
        return self.directory / "config.toml"

    @property
    def log(self) -> Path:
        return self.directory / "daemon.log"

    @property
    def lock(self) -> Path:
        return self.directory / "lock"

    @property
    def socket(self) -> Path:
        return self.runtime_dir / f"{self.network}.sock"

    @property
    def resolvconf(self) -> Path:
        """What root is to tell resolvconf, where the daemon is not root."""
        return self.runtime_dir / f"{self.network}.resolvconf"

    @property
    def interface(self) -> str:
        """``mesh-<network>``; a long name is cut and made unique by its hash."""
        name = f"mesh-{self.network}"
        if len(name) <= _INTERFACE_MAX:
            return name
        return f"{name[:10]}{digest('interface', self.network.encode(), size=3).hex()[:5]}"

    def refuse_absent(self) -> None:
        """Raise UsageError if there is no such network here, StateError if it is out of reach."""
        try:
            present = self.database.exists()
            is_empty = present and not self.database.stat().st_size
        except PermissionError:
            raise StateError(
                f"no permission to read {self.directory}", "run meshdht with sudo"
            ) from None
        if not present:
            raise UsageError(
                f"no network {self.network!r} on this machine",
                "meshdht init founds one, meshdht join takes an invite link",
            )
        if is_empty:
            raise StateError(
                f"{self.database} is damaged: it is empty",
                "restore a copy, or move it away and join with a new invite link",
            )

    def make_state_dir(self) -> None:
        """Make the directory of all networks, for its owner alone; raises OSError."""
        self.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)

    def make_directory(self) -> None:
        """Make the directory, for its owner alone; raises StateError."""
        try:
            self.make_state_dir()
            self.directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StateError(
                f"cannot make {self.directory}: {error.strerror}",
                "run as root, or choose another --state-dir",
            ) from None

    def remove_new_files(self) -> None:
        """Remove what an attempt that failed has left; the user's own files stay."""
        left = [self.log, self.lock, *self.directory.glob(f"{self.database.name}*")]
        for path in left:
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.directory.rmdir()


class NetworkLock:
    """Held while a daemon serves a network: a second one is refused, also after a crash."""

    def __init__(self, places: Places, what: str = "network", verbs: str = "meshdht") -> None:
        """``what`` the daemon serves, and the verbs that show and stop it: for the refusal."""
        self._places = places
        self._what = what
        self._verbs = verbs
        self._fd = -1

    def __enter__(self) -> Self:
        path = self._places.lock
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateError(
                f"cannot open {path}: {error.strerror}", "is the disk full, or not yours?"
            ) from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._fd, 20).decode(errors="replace").strip()
            os.close(self._fd)
            raise AlreadyRunning(
                f"a daemon already serves {self._what} {self._places.network!r}"
                + (f", pid {holder}" if holder.isdecimal() else ""),
                f"{self._verbs} status shows it, {self._verbs} down stops it",
            ) from None
        os.truncate(self._fd, 0)
        os.write(self._fd, f"{os.getpid()}\n".encode())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._fd)
