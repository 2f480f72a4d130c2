from __future__ import annotations

import pytest

from meshdht.clock import SeededEntropy
from meshdht.endpoint import Endpoint
from meshdht.errors import OpenFailed
from meshdht.wireguard.cookie import CookieChecker, CookieJar
from meshdht.wireguard.messages import CookieReply

PUBLIC = bytes(range(32))
SOURCE = Endpoint("192.0.2.1", 1000)
BODY = bytes(116)


def checker() -> CookieChecker:
    return CookieChecker(PUBLIC, SeededEntropy(1))


def reply(guard: CookieChecker, message: bytes, source: Endpoint, now: float) -> CookieReply:
    return CookieReply.decode(guard.reply(message, 7, source, now))


def test_mac1_names_the_static_key_of_the_receiver() -> None:
    message = CookieJar(PUBLIC).stamp(BODY, 0.0)
    assert checker().mac1_is_valid(message)
    assert not CookieChecker(bytes(32), SeededEntropy(1)).mac1_is_valid(message)
    assert not checker().mac1_is_valid(b"\1" + message[1:])


def test_without_a_cookie_mac2_is_zero_and_not_valid() -> None:
    message = CookieJar(PUBLIC).stamp(BODY, 0.0)
    assert message[-16:] == bytes(16)
    assert not checker().mac2_is_valid(message, SOURCE, 0.0)


def test_a_cookie_makes_mac2_valid_from_its_source_alone() -> None:
    guard, jar = checker(), CookieJar(PUBLIC)
    jar.take(reply(guard, jar.stamp(BODY, 0.0), SOURCE, 0.0), 0.0)
    message = jar.stamp(BODY, 1.0)
    assert guard.mac2_is_valid(message, SOURCE, 1.0)
    assert not guard.mac2_is_valid(message, Endpoint("192.0.2.1", 1001), 1.0)
    assert not guard.mac2_is_valid(message, Endpoint("192.0.2.2", 1000), 1.0)


def test_a_cookie_is_used_for_two_minutes() -> None:
    guard, jar = checker(), CookieJar(PUBLIC)
    jar.take(reply(guard, jar.stamp(BODY, 0.0), SOURCE, 0.0), 10.0)
    assert jar.stamp(BODY, 129.9)[-16:] != bytes(16)
    assert jar.stamp(BODY, 130.0)[-16:] == bytes(16)


def test_the_secret_behind_cookies_changes_every_two_minutes() -> None:
    guard, jar = checker(), CookieJar(PUBLIC)
    jar.take(reply(guard, jar.stamp(BODY, 0.0), SOURCE, 0.0), 0.0)
    message = jar.stamp(BODY, 119.0)
    assert guard.mac2_is_valid(message, SOURCE, 119.9)
    assert not guard.mac2_is_valid(message, SOURCE, 120.0)


def test_a_reply_to_another_message_is_not_taken() -> None:
    guard, jar = checker(), CookieJar(PUBLIC)
    answer = reply(guard, jar.stamp(BODY, 0.0), SOURCE, 0.0)
    jar.stamp(b"\1" + BODY[1:], 0.0)
    with pytest.raises(OpenFailed):
        jar.take(answer, 0.0)
    assert jar.stamp(BODY, 0.0)[-16:] == bytes(16)


def test_a_reply_from_another_key_is_not_taken() -> None:
    jar = CookieJar(PUBLIC)
    forged = reply(CookieChecker(bytes(32), SeededEntropy(1)), jar.stamp(BODY, 0.0), SOURCE, 0.0)
    with pytest.raises(OpenFailed):
        jar.take(forged, 0.0)
