from __future__ import annotations

from meshdht.clock import SeededEntropy
from meshdht.endpoint import Endpoint
from meshdht.limits import MAX_LEARNED_TOKENS
from meshdht.wire.packet import NO_TOKEN
from meshdht.wire.tokens import SLOT_S, AddressTokens

HERE = Endpoint("192.0.2.1", 1000)


def test_the_echo_of_a_token_validates_its_address_alone() -> None:
    tokens = AddressTokens(SeededEntropy(1))
    token = tokens.give(HERE, now=0.0)
    assert tokens.check(HERE, token, now=1.0)
    assert not tokens.check(Endpoint("192.0.2.2", 1000), token, now=1.0)
    assert not tokens.check(Endpoint("192.0.2.1", 1001), token, now=1.0)
    assert not tokens.check(HERE, NO_TOKEN, now=1.0)


def test_a_token_lasts_into_the_next_slot_and_no_longer() -> None:
    tokens = AddressTokens(SeededEntropy(1))
    token = tokens.give(HERE, now=0.0)
    assert tokens.check(HERE, token, now=2 * SLOT_S - 1)
    assert not tokens.check(HERE, token, now=2 * SLOT_S)


def test_another_device_gives_another_token() -> None:
    one, other = AddressTokens(SeededEntropy(1)), AddressTokens(SeededEntropy(2))
    assert not other.check(HERE, one.give(HERE, now=0.0), now=0.0)


def test_what_was_learned_is_echoed_and_is_bounded() -> None:
    tokens = AddressTokens(SeededEntropy(1))
    assert tokens.echo(HERE) == NO_TOKEN
    tokens.learn(HERE, b"12345678")
    assert tokens.echo(HERE) == b"12345678"
    for port in range(MAX_LEARNED_TOKENS):
        tokens.learn(Endpoint("198.51.100.1", port), b"abcdefgh")
    assert tokens.echo(HERE) == NO_TOKEN


def test_a_token_of_one_port_of_ours_is_good_at_another() -> None:
    one = AddressTokens(SeededEntropy(1))
    other = AddressTokens(SeededEntropy(2), one)
    assert other.check(HERE, one.give(HERE, now=0.0), now=1.0)
    assert one.check(HERE, other.give(HERE, now=0.0), now=1.0)
    # What others gave us they gave to that port.
    one.learn(HERE, b"12345678")
    assert other.echo(HERE) == NO_TOKEN


def test_two_ports_of_a_device_are_sent_the_same_echo_once_one_of_them_gave_a_token() -> None:
    tokens, port = AddressTokens(SeededEntropy(1)), Endpoint(HERE.host, 2000)
    tokens.echo_alike(port, HERE)
    assert tokens.echo(port) == NO_TOKEN
    tokens.learn(HERE, b"12345678")
    tokens.echo_alike(port, HERE)
    assert tokens.echo(port) == b"12345678"


def test_what_a_port_itself_gave_is_echoed_there_whatever_the_others_give() -> None:
    tokens, port = AddressTokens(SeededEntropy(1)), Endpoint(HERE.host, 2000)
    tokens.learn(HERE, b"of main.")
    tokens.learn(port, b"its own.")
    tokens.echo_alike(port, HERE)
    assert tokens.echo(port) == b"its own."
