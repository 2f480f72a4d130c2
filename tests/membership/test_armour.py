"""The spelling of links: one for each content, and damage is seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.errors import LinkError
from meshdht.limits import LINK_TEXT_MAX
from meshdht.membership.armour import LinkKind

KIND = LinkKind("meshdht-test://", 7, "test checksum", "test link", "a", "meshdht test")
OTHER = LinkKind("meshdht-test://", 7, "other checksum", "other link", "an", "meshdht other")

places = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True)
payloads = st.binary(max_size=60).map(lambda content: b"\7" + content)


@given(places, payloads)
def test_what_is_armoured_comes_back(place: str, payload: bytes) -> None:
    assert KIND.unarmour(KIND.armour(place, payload)) == (place, payload)


@given(places, payloads)
def test_a_link_of_another_kind_fails_its_checksum(place: str, payload: bytes) -> None:
    with pytest.raises(LinkError, match="this test link is truncated or altered"):
        KIND.unarmour(OTHER.armour(place, payload))


def test_the_place_is_part_of_what_is_checked() -> None:
    text = KIND.armour("home", b"\7abc")
    with pytest.raises(LinkError, match="truncated or altered"):
        KIND.unarmour(text.replace("home", "work"))


def test_errors_name_the_kind_and_the_verb_that_prints_one() -> None:
    with pytest.raises(LinkError, match="this is not a test link") as caught:
        KIND.unarmour("https://example.org")
    assert caught.value.hint == "a test link begins with meshdht-test:// (`meshdht test`)"
    with pytest.raises(LinkError, match="this test link was made by a newer version") as caught:
        KIND.unarmour(KIND.armour("home", b"\x08"))
    assert caught.value.hint == "update meshdht on this device"


def test_a_text_without_end_is_refused() -> None:
    with pytest.raises(LinkError, match="truncated or altered"):
        KIND.unarmour(KIND.armour("home", b"\7") + "A" * LINK_TEXT_MAX)
