"""libsodium: found, or named in one clear line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from meshdht.api.launch import LaunchRequest, Run
from meshdht.api.messages import encode_line
from meshdht.crypto.sodium import call, libnacl, load
from meshdht.errors import PlatformError

ROOT = Path(__file__).parents[2]


class NoLibsodium:
    """An import hook on a machine without libsodium, where libnacl raises OSError."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "libnacl":
            raise OSError("Could not locate nacl lib")


def test_a_missing_library_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "libnacl")
    monkeypatch.setattr(sys, "meta_path", [NoLibsodium(), *sys.meta_path])
    with pytest.raises(PlatformError, match="libsodium is not installed") as caught:
        load()
    assert "libsodium23" in caught.value.hint


def test_the_library_is_there() -> None:
    assert load() is libnacl


def test_a_call_returns_what_the_function_wrote() -> None:
    scalar = bytes([9]) + bytes(31)
    zero = bytes(32)
    assert call("crypto_core_ed25519_scalar_add", 32, scalar, zero) == scalar


def test_input_that_libsodium_refuses_is_a_value_error() -> None:
    identity = bytes([1]) + bytes(31)  # a point of small order
    with pytest.raises(ValueError, match="refused its input"):
        call("crypto_scalarmult_ed25519_noclamp", 32, bytes([1]) + bytes(31), identity)


def test_a_daemon_without_the_library_says_so_in_two_lines(tmp_path: Path) -> None:
    """libnacl raises so when it is imported where no libsodium is."""
    (tmp_path / "libnacl.py").write_text("raise OSError('Could not locate nacl lib')\n")
    request = LaunchRequest(
        action=Run(network="home"), state_dir=str(tmp_path), runtime_dir=str(tmp_path)
    )
    done = subprocess.run(
        [sys.executable, "-m", "meshdht.daemon"],
        input=encode_line(request).decode(),
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "meshdht: libsodium is not installed\n"
        "  try: apt-get install libsodium23 (or your system's package of libsodium)\n"
    )
