"""What must not be in a report is not: keys, addresses, links, names, and words nobody knows."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meshdht.cli.report.redaction import OMITTED, Redactor, vocabulary

SPELLINGS: dict[str, Callable[[bytes], str]] = {
    "hex": lambda raw: raw.hex(),
    "HEX": lambda raw: raw.hex().upper(),
    "base64": lambda raw: base64.b64encode(raw).decode(),
    "urlsafe": lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="),
    "base32": lambda raw: base64.b32encode(raw).decode().lower().rstrip("="),
    "grouped": lambda raw: "-".join(
        re.findall(".{1,7}", base64.b32encode(raw).decode().rstrip("="))
    ),
}
AROUND = ["{}", "key={}", "'{}'", "the key {} is", "{},", "({})", "/{}/", "x:{}", '"{}"', "\t{}\n"]


def redacted(text: str, **names: list[str]) -> str:
    return Redactor(names).text(text)


def pieces(text: str, size: int) -> set[str]:
    return {text[at : at + size] for at in range(len(text) - size + 1)}


@given(
    st.binary(min_size=32, max_size=32),
    st.sampled_from(sorted(SPELLINGS)),
    st.sampled_from(AROUND),
)
def test_no_piece_of_a_key_passes_however_it_is_spelt(
    raw: bytes, spelling: str, around: str
) -> None:
    key = SPELLINGS[spelling](raw)
    told = redacted(around.format(key))
    # Eight characters are forty bits; what is shorter can be a word.
    assert not pieces(key, 8) & pieces(told, 8)


@given(st.binary(min_size=20, max_size=20))
def test_no_device_id_passes(raw: bytes) -> None:
    device_id = base64.b32encode(raw).decode().lower()
    assert redacted(f"up as {device_id} on UDP port 41820") == "up as <key-1> on UDP port 41820"


@given(st.ip_addresses(v=4), st.integers(1, 65535))
def test_no_ipv4_endpoint_passes(address: IPv4Address, port: int) -> None:
    told = redacted(f"the path to {address}:{port} died; {address}")
    assert str(address) not in told
    assert str(port) not in re.sub(r"<[^>]*>", "", told)
    assert re.fullmatch(r"the path to (<\S+-ipv4-1>) died; \1", told)


@given(st.ip_addresses(v=6), st.integers(1, 65535), st.booleans())
def test_no_ipv6_endpoint_passes(address: IPv6Address, port: int, spelt_out: bool) -> None:
    text = address.exploded if spelt_out else str(address)
    told = redacted(f"path to [{text}]:{port} and {text}.")
    assert text not in told
    assert str(port) not in re.sub(r"<[^>]*>", "", told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("from fe80::1%eth0", "from <link-local-ipv6-1>"),
        ("at 10.0.0.1/24", "at <private-ipv4-1>"),
        ("at 127.0.0.1:9586", "at <local-ipv4-1>"),
        (
            "at 8.8.8.8 and 9.9.9.9, 8.8.8.8",
            "at <public-ipv4-1> and <public-ipv4-2>, <public-ipv4-1>",
        ),
        ("00:1a:2b:3c:4d:5e", OMITTED),
        ("2026-11-27 17:31:29,123 INFO", "2026-11-27 17:31:29,123 INFO"),
    ],
)
def test_addresses_keep_their_kind_and_nothing_else(text: str, told: str) -> None:
    assert redacted(text) == told


def test_no_link_passes_whatever_is_in_it() -> None:
    link = "meshdht://v1/k7q2m5x4k7q2m5x4?expires=12#home"
    assert redacted(f"joining by {link} now") == "joining by <link-1> now"
    assert redacted("meshdht-anchor://packets/abc") == "<link-1>"
    assert redacted("proxy http://me:hunter2@proxy.example:3128") == "proxy <url-1>"


def test_known_names_are_replaced_alike_wherever_they_stand() -> None:
    redactor = Redactor({"device": ["nas", "nas-2"], "network": ["home"]})
    assert redactor.text("Nas reaches nas-2 by nas.home.internal") == (
        "<device-1> reaches <device-2> by <device-1>.<network-1>.internal"
    )
    assert redactor.text("nasturtium") == OMITTED


INTERFACE = re.compile(r"(?:eth|wlan|wwan|tun|tap|wg|br|docker|lo)\d{0,3}")


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzäöüß0123456789-", min_size=1, max_size=40))
@example("br0")
def test_a_word_that_is_not_the_programs_does_not_pass(word: str) -> None:
    told = redacted(f"the device {word} is revoked")
    for part in re.findall(r"\w+", word):
        is_number = part.isdecimal() and len(part) < 8
        if part not in vocabulary() and not is_number and not INTERFACE.fullmatch(part):
            assert part not in re.findall(r"\w+", told)


def test_what_looks_like_a_placeholder_is_none() -> None:
    assert redacted("<zanzibar> and <zanzibar-1>") == f"<{OMITTED}> and <{OMITTED}-1>"


def test_the_programs_own_words_numbers_and_interfaces_pass() -> None:
    said = "the path to the peer swallows packets of more than 1328 bytes; it gets none"
    assert redacted(said) == said
    assert redacted("eth0 wlan1 br0") == "eth0 wlan1 br0"
    assert redacted("Connection refused: No space left on device") == (
        "Connection refused: No space left on device"
    )
    assert redacted("12345678") == OMITTED


def test_trees_are_redacted_in_their_keys_too() -> None:
    tree = {"zanzibar": ["10.0.0.1", 7, None, True], "peers": [{"name": "x" * 30 + "1"}]}
    assert Redactor({}).tree(tree) == {
        OMITTED: ["<private-ipv4-1>", 7, None, True],
        "peers": [{"name": "<key-1>"}],
    }
