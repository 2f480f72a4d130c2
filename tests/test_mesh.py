"""The script ``./mesh``: ready at once when set up, one clear line when it cannot be."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HASHED = ("mesh", "pyproject.toml", "setup.py")
MACHINES_OWN = "/usr/bin/python3"
HAS_VENV = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
SHOW_ARGUMENTS = "#!/bin/sh\nprintf '<%s>' \"$@\"\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the script reads, in a folder with a space, with a stand-in for .venv."""
    here = tmp_path / "my checkout"
    (here / ".venv" / "bin").mkdir(parents=True)
    for name in HASHED:
        shutil.copy(ROOT / name, here / name)
    for name in ("meshdht", "python"):
        program = here / ".venv" / "bin" / name
        program.write_text(SHOW_ARGUMENTS)
        program.chmod(0o755)
    return here


def mark_ready(checkout: Path, use: str) -> None:
    """Write the stamp that a set-up leaves at its end."""
    state = hashlib.sha256(b"".join((checkout / name).read_bytes() for name in HASHED))
    stamp = f"{checkout.resolve()} {state.hexdigest()}  -\n"
    (checkout / ".venv" / f"ready-{use}").write_text(stamp)


def run(script: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"PATH": path} if path else {})}
    return subprocess.run(
        [script, *arguments], cwd="/", env=environment, capture_output=True, text=True, check=False
    )


def without_apt(folder: Path) -> str:
    """A PATH with what the script needs, and no package manager nor sudo."""
    folder.mkdir()
    for tool in ("sh", "readlink", "dirname", "cat", "sha256sum", "flock", "id"):
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return str(folder)


@pytest.mark.parametrize("use", ["run", "demo", "test"])
def test_once_set_up_it_hands_its_arguments_over_at_once(checkout: Path, use: str) -> None:
    mark_ready(checkout, use)
    result = run(checkout / "mesh", "join", "--name", "my laptop", "")
    assert (result.stdout, result.stderr) == ("<join><--name><my laptop><>", "")


def test_a_symlink_to_it_works_from_anywhere(checkout: Path, tmp_path: Path) -> None:
    mark_ready(checkout, "run")
    link = tmp_path / "meshdht"
    link.symlink_to(checkout / "mesh")
    assert run(link, "status").stdout == "<status>"


@pytest.mark.parametrize("changed", HASHED)
def test_a_changed_checkout_is_set_up_again(checkout: Path, tmp_path: Path, changed: str) -> None:
    mark_ready(checkout, "run")
    with (checkout / changed).open("a") as file:
        file.write("\n")
    result = run(checkout / "mesh", "status", path=without_apt(tmp_path / "bin"))
    assert result.returncode == 1
    assert "no apt-get here; install the likes of: libsodium23 iproute2" in result.stderr
    assert result.stdout == ""


def test_a_set_up_that_was_cut_off_counts_for_nothing(checkout: Path, tmp_path: Path) -> None:
    mark_ready(checkout, "run")
    (checkout / ".venv" / "unfinished").touch()
    result = run(checkout / "mesh", "status", path=without_apt(tmp_path / "bin"))
    assert result.returncode == 1


def test_a_smaller_set_up_is_not_enough_for_the_demo(checkout: Path, tmp_path: Path) -> None:
    mark_ready(checkout, "run")
    result = run(checkout / "mesh", "demo", path=without_apt(tmp_path / "bin"))
    assert "nftables" in result.stderr
    assert result.returncode == 1


@pytest.mark.skipif(
    subprocess.run([MACHINES_OWN, "-c", HAS_VENV], capture_output=True, check=False).returncode
    != 0,
    reason=f"no {MACHINES_OWN} of 3.11 or later with venv",
)
def test_the_machines_own_python_goes_before_another_in_the_path(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "bin" / "python3"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")  # agrees to all, and does nothing
    other.chmod(0o755)
    shutil.rmtree(checkout / ".venv")
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # the environment is made, and nothing comes into it
    result = run(checkout / "mesh", "status", path=f"{other.parent}:{os.environ['PATH']}")
    assert "installing meshdht" in result.stderr
    assert "home = /usr/bin\n" in (checkout / ".venv" / "pyvenv.cfg").read_text()
