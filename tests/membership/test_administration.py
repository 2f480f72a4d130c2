"""Bodies of the statements by which admins run a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshdht.crypto.keys import NetworkSecret
from meshdht.errors import Malformed
from meshdht.membership.administration import RekeyBody, encode_administration, read_administration
from meshdht.membership.generations import Generation
from meshdht.membership.statements import decode_statement
from meshdht.wire.buffer import Reader

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/administration.json").read_text())


def test_a_rekey_agrees_with_the_published_vector() -> None:
    statement = decode_statement(bytes.fromhex(VECTOR["rekey"]))
    statement.verify()
    secret = NetworkSecret(bytes.fromhex(VECTOR["network_secret"]))
    assert statement.body == RekeyBody(2, Generation(2, secret).commitment(statement.network))


def test_no_generation_has_the_number_0() -> None:
    kind, content = encode_administration(RekeyBody(0, bytes(32)))
    with pytest.raises(Malformed, match="number 0"):
        read_administration(kind, Reader(content))


def test_other_kinds_are_left_alone() -> None:
    reader = Reader(bytes(100))
    assert read_administration(200, reader) is None
    assert reader.left == 100
