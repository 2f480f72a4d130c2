"""The mesh as a picture."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshdht_tui.colours import BAD, GOOD, MUTED, WARN
from meshdht_tui.graph_text import (
    LINKS_DRAWN,
    around,
    caption,
    draw,
    groups,
    line_of,
    outside,
    places,
    shown_links,
    thin_line_of,
)
from msgspec.structs import replace

from meshdht.api.link_messages import Link
from meshdht.api.messages import Peer, PeerPath
from tests.api.fake_daemon import ATTIC, LAPTOP, PHONE, WHY
from tests.api.strategies import peers as any_peer

SHED = replace(LAPTOP, id="s" * 32, name="shed", path=PeerPath(kind="lan", endpoint="10.0.0.9:1"))
BARN = replace(LAPTOP, id="b" * 32, name="barn")
VPS = replace(LAPTOP, id="v" * 32, name="vps", path=PeerPath(kind="direct", endpoint="9.9.9.9:1"))


def test_those_of_one_place_stand_together_and_a_relay_by_whom_it_relays_for() -> None:
    names = [name for _, name, _ in around([ATTIC, PHONE, VPS, LAPTOP, SHED, BARN])]
    assert names == ["shed", "barn", "laptop", "vps", "phone", "attic"]


def test_a_relay_that_is_no_peer_has_a_place_too() -> None:
    ring = around([PHONE, LAPTOP])
    assert [(name, peer is None) for _, name, peer in ring] == [
        ("laptop", False),
        ("vps", True),
        ("phone", False),
    ]


def test_where_a_peer_is_seen_says_where_it_is_if_it_is_direct() -> None:
    assert outside(LAPTOP) == outside(BARN) == "192.0.2.7"
    assert outside(PHONE) == outside(ATTIC) == outside(SHED) == ""


@pytest.mark.parametrize(
    ("peer", "colour", "pattern"),
    [
        (LAPTOP, GOOD, "#"),
        (PHONE, WARN, "####..."),
        (replace(LAPTOP, loss=0.3), BAD, "#..."),
        (replace(LAPTOP, loss=0.02), GOOD, "#"),
    ],
)
def test_health_is_said_by_colour_and_by_pattern(peer: Peer, colour: str, pattern: str) -> None:
    assert line_of(peer) == (colour, pattern)


def test_the_picture_has_everybody_and_a_line_to_each_that_is_there() -> None:
    picture = draw([LAPTOP, PHONE, ATTIC], "nas", 80, 19, None)
    assert picture is not None
    for words in (" nas ", "● laptop 7.2 ms", "◇ vps", "phone 84.0 ms ◐", "attic"):
        assert words in picture.plain
    alone = draw([ATTIC], "nas", 80, 19, None)
    assert alone is not None
    assert not any("\u2800" < character <= "\u28ff" for character in alone.plain)
    assert any("\u2800" < character <= "\u28ff" for character in picture.plain)


def link(one: Peer, other: Peer, **more: Any) -> Link:
    about = {"kind": "direct", "told_by": (one.name,), **more}
    return Link(ends=(one.name, other.name), ids=(one.id, other.id), **about)


@pytest.mark.parametrize(
    ("told", "colour", "pattern"),
    [
        (link(LAPTOP, PHONE), MUTED, "#.."),
        (link(LAPTOP, PHONE, kind="lan", loss=0.02), MUTED, "#.."),
        (link(LAPTOP, PHONE, kind="relay"), WARN, "###......"),
        (link(LAPTOP, PHONE, loss=0.3), BAD, "#......."),
    ],
)
def test_the_health_of_a_link_among_the_others_is_said_by_colour_and_pattern(
    told: Link, colour: str, pattern: str
) -> None:
    assert thin_line_of(told) == (colour, pattern)


def cells_of(colour: str, links: list[Link], chosen: str | None = None) -> int:
    """How many cells of the lines have a colour."""
    picture = draw([LAPTOP, PHONE, SHED, ATTIC], "nas", 80, 19, chosen, links)
    assert picture is not None
    return sum(
        span.end - span.start
        for span in picture.spans
        if span.style == colour and "\u2800" < picture.plain[span.start] <= "\u28ff"
    )


def test_links_among_the_others_are_drawn_once_somebody_tells_of_them() -> None:
    assert cells_of(MUTED, []) == 0
    assert cells_of(MUTED, [link(LAPTOP, SHED)]) >= 3
    assert cells_of(MUTED, [link(LAPTOP, ATTIC)]) >= 3, "others may reach who is away from here"
    assert cells_of(BAD, [link(LAPTOP, PHONE, loss=0.5)]) >= 3
    own = replace(link(LAPTOP, SHED), own=True)
    assert cells_of(MUTED, [own]) == 0, "its own is drawn by the path"
    assert cells_of(MUTED, [link(LAPTOP, replace(SHED, id="unknown"))]) == 0


def test_own_lines_lie_on_top_of_those_of_the_others() -> None:
    before = cells_of(GOOD, [])
    assert cells_of(GOOD, [link(LAPTOP, SHED), link(LAPTOP, PHONE), link(SHED, PHONE)]) == before


def test_of_one_that_is_chosen_its_links_alone_are_drawn_and_of_many_no_others() -> None:
    links = [link(LAPTOP, SHED), link(PHONE, SHED)]
    assert shown_links(links, None) == links
    assert shown_links(links, LAPTOP.id) == links[:1]
    many = [link(LAPTOP, replace(SHED, id=str(n))) for n in range(LINKS_DRAWN)] + links[1:]
    assert shown_links(many, None) == []
    assert shown_links(many, PHONE.id) == links[1:]
    assert shown_links(many, LAPTOP.id) == many[:-1]


def test_the_caption_counts_the_links_of_the_chosen_one() -> None:
    links = [link(LAPTOP, SHED), link(LAPTOP, PHONE)]
    assert "  linked to 2 others" in caption(LAPTOP, 120, links).plain
    assert "  linked to 1 other" in caption(SHED, 120, links).plain
    assert "linked" not in caption(ATTIC, 120, links).plain


def test_the_chosen_one_is_marked() -> None:
    def reversed_words(chosen: str | None) -> list[str]:
        picture = draw([LAPTOP, ATTIC], "nas", 80, 19, chosen)
        assert picture is not None
        return [
            picture.plain[span.start : span.end]
            for span in picture.spans
            if not isinstance(span.style, str) and span.style.reverse
        ]

    assert reversed_words(None) == [" nas "]
    assert set(reversed_words(LAPTOP.id)) == {" nas ", "laptop 7.2 ms"}


# As the fold lets a device be called.
labels = st.text("abcxyz019-", min_size=1, max_size=63)


def called(peer: Peer, name: str, relay: str) -> Peer:
    return replace(peer, name=name, path=replace(peer.path, relay=relay))


@given(
    st.lists(st.builds(called, any_peer, labels, labels), max_size=30),
    st.integers(40, 200),
    st.integers(3, 60),
)
def test_the_picture_fits_whatever_it_shows(peers: list[Peer], width: int, height: int) -> None:
    picture = draw(peers, "nas", width, height, None)
    if picture is None:
        assert len(around(peers)) > 2 * height
    else:
        assert [len(line) for line in picture.plain.split("\n")] == [width] * height


def test_where_there_are_too_many_there_is_no_picture_but_marks_in_groups() -> None:
    many = [replace(LAPTOP, id=str(n), name=f"box-{n}") for n in range(100)]
    assert places(many, "nas", 80, 19) is None
    assert places(many, "nas", 30, 60) is None
    lossy = replace(many[0], loss=0.5)
    text = groups([lossy, *many[1:], PHONE, ATTIC, SHED], 80, "99").plain
    lines = [line.split() for line in text.splitlines() if line.strip()]
    assert lines[0][:4] == ["on", "this", "LAN", "1"]
    assert lines[1][:3] == ["direct", "100", "◍"]
    assert [line for line in lines if line[0] == "by"] == [["by", "relay", "vps", "1", "◐"]]
    assert lines[-1] == ["away", "1", "○"]
    assert text.count("●") == 100
    assert max(len(line) for line in text.splitlines()) <= 80


def test_the_caption_tells_of_the_chosen_one_and_what_the_lines_mean() -> None:
    assert "choose a device" in caption(None, 80).plain
    assert caption(None, 80).plain.rstrip().endswith("others’")
    assert (
        "direct 192.0.2.7:51820  7.2 ms  30% lost" in caption(replace(LAPTOP, loss=0.3), 120).plain
    )
    assert WHY in caption(PHONE, 120).plain
    assert "lossy" not in caption(PHONE, 80).plain
    assert caption(PHONE, 30).cell_len == 30
