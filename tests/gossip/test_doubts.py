"""Who is asked whether it holds what it was told."""

from __future__ import annotations

from meshdht.crypto.keys import DeviceId
from meshdht.gossip.doubts import ASK_TRIES, Doubts
from meshdht.limits import DOUBTED_STATEMENTS_MAX

ONE, OTHER = DeviceId(b"1" * 20), DeviceId(b"2" * 20)
ALL = (ONE, OTHER)


def test_who_shows_all_that_it_was_told_is_not_asked() -> None:
    doubts = Doubts()
    doubts.told(ONE, [b"a", b"b"])
    doubts.told(OTHER, [b"a"])
    doubts.shown(ONE, [b"a"])
    assert doubts.to_ask(ALL) == [ONE, OTHER]
    doubts.shown(ONE, [b"b", b"c"])
    assert doubts.to_ask(ALL) == [OTHER]
    doubts.agrees(OTHER)
    assert doubts.to_ask(ALL) == []


def test_what_comes_later_is_to_be_shown_too() -> None:
    doubts = Doubts()
    doubts.told(ONE, [b"a"])
    doubts.told(ONE, [b"b"])
    doubts.shown(ONE, [b"b"])
    assert doubts.to_ask(ALL) == [ONE]
    doubts.shown(ONE, [b"a"])
    assert doubts.to_ask(ALL) == []


def test_who_holds_something_else_is_asked_until_its_digest_agrees() -> None:
    doubts = Doubts()
    doubts.differs(ONE)
    doubts.told(ONE, [b"a"])
    doubts.shown(ONE, [b"a"])
    assert doubts.to_ask(ALL) == [ONE]
    doubts.agrees(ONE)
    assert doubts.to_ask(ALL) == []


def test_who_will_never_hold_the_same_is_not_asked_for_ever() -> None:
    doubts = Doubts()
    asked = []
    for _ in range(5 * ASK_TRIES):
        # A later version's statements, say, which this one does not keep.
        doubts.differs(ONE)
        asked += doubts.to_ask(ALL)
    assert asked == [ONE] * ASK_TRIES
    doubts.agrees(ONE)
    doubts.differs(ONE)
    assert doubts.to_ask(ALL) == [ONE]


def test_who_is_gone_or_silent_is_asked_no_more() -> None:
    doubts = Doubts()
    doubts.told(ONE, [b"a"])
    doubts.told(OTHER, [b"a"])
    assert doubts.to_ask([ONE]) == [ONE]
    asked = [doubts.to_ask([ONE]) for _ in range(ASK_TRIES)]
    assert asked == [[ONE]] * (ASK_TRIES - 1) + [[]]
    doubts.told(ONE, [b"b"])
    assert doubts.to_ask([ONE]) == [ONE], "what is new is a new reason to ask"


def test_a_log_of_years_is_remembered_by_its_end() -> None:
    doubts = Doubts()
    statements = [number.to_bytes(4, "big") for number in range(10 * DOUBTED_STATEMENTS_MAX)]
    doubts.told(ONE, statements)
    doubts.shown(ONE, statements[-DOUBTED_STATEMENTS_MAX:])
    assert doubts.to_ask(ALL) == []
