"""The user that the daemons run as, and what it may read and owns."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

from meshdht.api.errors import ApiError
from meshdht.service import STATE_DIR
from meshdht.service.systemd import run
from meshdht.service.unit import USER

HOMES = (Path("/home"), Path("/root"), Path("/run/user"))  # systemd.exec(5), ProtectHome=
ELSEWHERE = "install it for the machine: sudo ./mesh install, or pipx install --global"
SYSUSERS = Path("/etc/sysusers.d/meshdht.conf")
# sysusers.d(5): a system user and a group of the same name; the group operates the daemon.
SYSUSERS_TEXT = f'u {USER} - "meshdht private network" {STATE_DIR} -\n'


def make_account() -> None:
    """Make the user and its group, unless they are there; raises ApiError."""
    SYSUSERS.parent.mkdir(parents=True, exist_ok=True)
    SYSUSERS.write_text(SYSUSERS_TEXT)
    SYSUSERS.chmod(0o644)
    run("systemd-sysusers", str(SYSUSERS))


def remove_account() -> None:
    """Remove the user, and the group unless somebody is in it; raises ApiError."""
    SYSUSERS.unlink(missing_ok=True)
    if account() is not None:
        run("userdel", USER)
    try:
        members = grp.getgrnam(USER).gr_mem
    except KeyError:
        return  # went with the user
    if not members:
        run("groupdel", USER)


def account() -> pwd.struct_passwd | None:
    """The user, if there is one."""
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        return None


def own(directory: Path, *, uid: int, gid: int) -> None:
    """Have a directory and all that is in it belong to a user and a group; raises OSError."""
    for folder, folders, files in os.walk(directory):
        for name in [".", *folders, *files]:
            os.chown(Path(folder, name), uid, gid, follow_symlinks=False)


def refuse_unreadable(file: Path) -> None:
    """Raise ApiError if the service's user cannot read what the program consists of."""
    lies_in = {*file.parents, *file.resolve().parents}
    for path in [file, *sorted(lies_in)]:
        mode = path.stat().st_mode
        needed = stat.S_IXOTH if path.is_dir() else stat.S_IROTH
        if not mode & needed:
            raise ApiError(
                f"the service runs as the user {USER}, which cannot read {path}", ELSEWHERE, 2
            )
    if not lies_in.isdisjoint(HOMES):
        raise ApiError(
            f"the service does not see home directories, and meshdht is in one: {file}",
            ELSEWHERE,
            2,
        )
