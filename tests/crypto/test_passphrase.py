"""Keys from passphrases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshdht.crypto.passphrase import MODERATE, Cost, stretch
from meshdht.errors import PlatformError
from meshdht.limits import PASSPHRASE_MEMORY_MAX, PASSPHRASE_PASSES_MAX

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/backup.json").read_text())
CHEAP = Cost(passes=1, memory_kib=64)
SALT = bytes(16)


def test_a_key_agrees_with_the_published_vector() -> None:
    cost = Cost(VECTOR["passes"], VECTOR["memory_kib"])
    key = stretch(VECTOR["passphrase"], bytes.fromhex(VECTOR["salt"]), cost)
    assert key.raw.hex() == VECTOR["key"]


def test_passphrase_salt_and_cost_all_count() -> None:
    keys = {
        stretch("correct horse", SALT, CHEAP),
        stretch("correct horsf", SALT, CHEAP),
        stretch("correct horse", b"\1" * 16, CHEAP),
        stretch("correct horse", SALT, Cost(2, 64)),
        stretch("correct horse", SALT, Cost(1, 128)),
        stretch("pässword", SALT, CHEAP),
        stretch("", SALT, CHEAP),
    }
    assert len(keys) == 7


def test_what_a_file_may_ask_for_is_bounded() -> None:
    assert MODERATE.is_sane
    memory_max = PASSPHRASE_MEMORY_MAX // 1024
    assert Cost(PASSPHRASE_PASSES_MAX, memory_max).is_sane
    for cost in (
        Cost(0, 64),
        Cost(PASSPHRASE_PASSES_MAX + 1, 64),
        Cost(1, 7),
        Cost(1, memory_max + 1),
    ):
        assert not cost.is_sane


def test_short_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Poor:
        @staticmethod
        def crypto_pwhash(*_arguments: object) -> int:
            return -1

    monkeypatch.setattr("meshdht.crypto.passphrase.libnacl.nacl", Poor)
    with pytest.raises(PlatformError, match="takes 256 MB"):
        stretch("x", SALT, MODERATE)
