from __future__ import annotations

from simulations.lives import DAY_S, SIZES, town


def test_networks_have_sizes_of_homelabs_and_devices_lives_without_overlaps() -> None:
    lives = town(1, 20, 1.0)
    sizes = [sum(life.network == number for life in lives) for number in range(20)]
    assert set(sizes) <= set(SIZES)
    for life in lives:
        assert life.stays
        for stay in life.stays:
            assert 0 <= stay.begin < stay.end <= DAY_S
        for one, two in zip(life.stays, life.stays[1:], strict=False):
            assert one.end <= two.begin


def test_the_same_seed_gives_the_same_lives() -> None:
    assert town(3, 5, 1.0) == town(3, 5, 1.0) != town(4, 5, 1.0)


def test_some_addresses_are_of_one_network_some_of_several() -> None:
    networks: dict[str, set[int]] = {}
    for life in town(1, 20, 1.0):
        for stay in life.stays:
            networks.setdefault(stay.host, set()).add(life.network)
    shared = sum(len(each) > 1 for each in networks.values())
    assert 5 <= shared < len(networks) / 2
