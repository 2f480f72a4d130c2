"""libsodium: found, or named in one clear line."""

from __future__ import annotations

import sys

import pytest

from meshdht.crypto.sodium import call, libnacl, load
from meshdht.errors import PlatformError


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
