from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshdht.wireguard.replay import WINDOW, ReplayWindow


class NaiveWindow:
    """The rule of RFC 6479 without its tricks."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def accept(self, counter: int) -> bool:
        highest = max(self.seen, default=0)
        if counter in self.seen or (counter <= highest and counter + WINDOW <= highest):
            return False
        self.seen.add(counter)
        return True


# Steps around the sizes that matter: bits of a block, blocks of the ring, the whole ring.
STEPS = st.one_of(
    st.integers(-130, 130),
    st.integers(-WINDOW - 130, -WINDOW + 130),
    st.integers(WINDOW - 130, WINDOW + 130),
    st.integers(-3 * WINDOW, 3 * WINDOW),
)


@given(st.lists(STEPS, max_size=60))
def test_the_window_agrees_with_a_naive_set(steps: list[int]) -> None:
    window, naive = ReplayWindow(), NaiveWindow()
    counter = 0
    for step in steps:
        counter = max(0, counter + step)
        assert window.accept(counter) == naive.accept(counter)


@given(st.lists(st.integers(0, 300), max_size=300))
def test_each_counter_is_accepted_once_in_any_order(counters: list[int]) -> None:
    window = ReplayWindow()
    accepted = [counter for counter in counters if window.accept(counter)]
    assert sorted(accepted) == sorted(set(counters))


def test_the_edges_of_the_window() -> None:
    window = ReplayWindow()
    assert window.accept(WINDOW)
    assert not window.accept(0)
    assert window.accept(1)
    assert not window.accept(1)


def test_a_leap_over_everything_forgets_all_bits() -> None:
    window = ReplayWindow()
    assert all(window.accept(counter) for counter in range(10_000))
    assert window.accept(2**63)
    assert all(window.accept(2**63 - back) for back in range(1, WINDOW))


@given(
    steps=st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 130)), min_size=1, max_size=20)
)
def test_a_run_is_accepted_as_its_counters_one_by_one(steps: list[tuple[int, int]]) -> None:
    runs, singles = ReplayWindow(), ReplayWindow()
    for first, count in steps:
        if runs.accept_run(first, count):
            assert all([singles.accept(first + ahead) for ahead in range(count)])
        for near in (first - 1, first, first + count - 1, first + count, first - WINDOW):
            if near >= 0:
                assert runs.accept(near) == singles.accept(near)
