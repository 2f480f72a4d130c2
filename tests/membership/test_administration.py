"""Bodies of the statements by which admins run a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshdht.crypto.keys import NetworkId, NetworkSecret, SigningKey
from meshdht.errors import Malformed, UsageError
from meshdht.membership.administration import (
    RekeyBody,
    encode_administration,
    read_administration,
    validate_tags,
)
from meshdht.membership.fold import fold
from meshdht.membership.generations import Generation
from meshdht.membership.log import MembershipLog
from meshdht.membership.statements import decode_statement, sign_statement
from meshdht.wire.buffer import Reader

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/administration.json").read_text())


STATEMENTS = {name: bytes.fromhex(raw) for name, raw in VECTOR["statements"].items()}
RECOVERY = {name: bytes.fromhex(raw) for name, raw in VECTOR["recovery"]["statements"].items()}


@pytest.mark.parametrize("name", STATEMENTS | RECOVERY)
def test_statements_agree_with_the_published_vectors(name: str) -> None:
    raw = (STATEMENTS | RECOVERY)[name]
    statement = decode_statement(raw)
    statement.verify()
    assert str(statement.network_id) == VECTOR["network_id"]
    seeds = (*VECTOR["device_seeds"], VECTOR["recovery_seed"])
    keys = [SigningKey(bytes.fromhex(seed)) for seed in seeds]
    again = sign_statement(
        statement.body,
        network=statement.network,
        author=next(key for key in keys if key.public == statement.author),
        parents=statement.parents,
        unix_ms=statement.unix_ms,
    )
    assert again.raw == raw


def test_a_rekey_agrees_with_the_published_vector() -> None:
    statement = decode_statement(STATEMENTS["rekey"])
    secret = NetworkSecret(bytes.fromhex(VECTOR["network_secret"]))
    assert statement.body == RekeyBody(2, Generation(2, secret).commitment(statement.network))


def test_the_published_log_folds_to_the_published_roster() -> None:
    log = MembershipLog(NetworkId(bytes.fromhex(VECTOR["network_id"])))
    for raw in reversed(STATEMENTS.values()):
        log.add(raw)
    roster = fold(log)
    assert [str(device.id) for device in roster] == VECTOR["devices"]
    assert [
        {"id": str(each.id), "name": each.name, "by": str(each.by)} for each in roster.removed
    ] == VECTOR["removed"]
    assert [each.hash.hex() for each in roster.rejections] == VECTOR["without_effect"]
    assert roster.needs_rekey is VECTOR["needs_rekey"]
    assert (roster.rekey and roster.rekey.generation) == VECTOR["generation"]


def test_a_recovery_folds_to_the_published_roster() -> None:
    told = VECTOR["recovery"]
    log = MembershipLog(NetworkId(bytes.fromhex(VECTOR["network_id"])))
    kept = {name: raw for name, raw in STATEMENTS.items() if name not in told["without"]}
    for raw in reversed((kept | RECOVERY).values()):
        log.add(raw)
    roster = fold(log)
    assert [str(device.id) for device in roster] == told["devices"]
    assert [each.hash.hex() for each in roster.rejections] == told["without_effect"]


def test_no_generation_has_the_number_0() -> None:
    kind, content = encode_administration(RekeyBody(0, bytes(32)))
    with pytest.raises(Malformed, match="number 0"):
        read_administration(kind, Reader(content))


def test_other_kinds_are_left_alone() -> None:
    reader = Reader(bytes(100))
    assert read_administration(200, reader) is None
    assert reader.left == 100


def test_tags_are_put_in_order_once_each() -> None:
    assert validate_tags(["server", "home", "server"]) == ("home", "server")
    assert validate_tags([]) == ()


@pytest.mark.parametrize(
    ("tags", "said", "hint"),
    [
        (["Home"], "'Home' cannot be a tag: it has upper-case letters", "try 'home'"),
        (["x" * 33], "it has 33 characters, more than 32", "at most 32 characters"),
        (list("abcdefghi"), "9 tags are too many", "at most 8"),
    ],
)
def test_tags_that_no_statement_could_have_are_refused(
    tags: list[str], said: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        validate_tags(tags)
    assert hint in raised.value.hint
