"""DNS labels, and who gets which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.errors import InvalidName
from meshdht.membership.names import (
    LABEL_MAX,
    NameTable,
    label_fault,
    suggest_label,
    validate_label,
)

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True).filter(
    lambda text: not label_fault(text)
)


@pytest.mark.parametrize("text", ["nas", "n", "7", "living-room-tv", "3d-printer", "a" * 63])
def test_a_label_is_taken_as_it_is(text: str) -> None:
    assert validate_label(text) == text


@pytest.mark.parametrize(
    ("text", "fault", "proposal"),
    [
        ("", "is empty", ""),
        ("NAS", "upper-case", "nas"),
        ("my nas", "the character ' '", "my-nas"),
        ("Überwachung_1", "the character 'Ü'", "uberwachung-1"),
        ("nas.home", "the character '.'", "nas-home"),
        ("-nas", "begins or ends with a hyphen", "nas"),
        ("nas-", "begins or ends with a hyphen", "nas"),
        ("xn--nas", "hyphens in places 3 and 4", "xn-nas"),
        ("a" * 64, "64 characters, more than 63", "a" * 63),
        ("nas\n", "the character '\\n'", "nas"),
        ("名前", "the character '名'", ""),
    ],
)
def test_a_fault_is_named_and_mended(text: str, fault: str, proposal: str) -> None:
    with pytest.raises(InvalidName) as caught:
        validate_label(text)
    assert fault in caught.value.message
    assert (f"try {proposal!r}" in caught.value.hint) == bool(proposal)
    assert suggest_label(text) == proposal


@given(st.text(max_size=80))
def test_a_proposal_is_a_label_or_nothing(text: str) -> None:
    proposal = suggest_label(text)
    assert not proposal or not label_fault(proposal)


@given(labels)
def test_a_label_proposes_itself(text: str) -> None:
    assert suggest_label(text).replace("-", "") == text.replace("-", "")
    assert validate_label(text) == text


def test_the_second_of_a_name_gets_a_suffix() -> None:
    table = NameTable()
    asked = ["pi", "pi", "pi-2", "pi", "nas", "pi-2"]
    assert [table.take(name) for name in asked] == ["pi", "pi-2", "pi-2-2", "pi-3", "nas", "pi-2-3"]


@given(st.lists(st.sampled_from(["pi", "pi-2", "pi-3", "a" * 63, "a" * 61]) | labels, max_size=40))
def test_names_are_distinct_labels(asked: list[str]) -> None:
    table = NameTable()
    given_out = [table.take(name) for name in asked]
    assert len(set(given_out)) == len(given_out)
    assert all(len(name) <= LABEL_MAX and not label_fault(name) for name in given_out)
