"""Whose a name, an address or a key is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from meshdht.api.whois_messages import WhoIs
from meshdht.errors import UsageError
from meshdht.membership.roster import Device
from simulations.loop import run
from tests.daemon.served import Served, served

Text = Callable[[Device, Served], str]


@pytest.mark.parametrize(
    ("text", "by"),
    [
        (lambda device, _: device.name, "name"),
        (lambda device, _: f"{device.name}.home.internal", "name"),
        (lambda device, _: str(device.id), "id"),
        (lambda device, _: str(device.ipv4), "address"),
        (lambda device, _: str(device.ipv6), "address"),
        (lambda device, _: str(device.wireguard_key), "key"),
        (lambda device, _: device.verify_key.raw.hex(), "key"),
        (lambda _, there: str(there.machine.endpoint), "endpoint"),
        (lambda _, there: there.machine.endpoint.host, "endpoint"),
    ],
)
def test_a_device_is_found_by_all_that_it_has(text: Text, by: str) -> None:
    async def main() -> None:
        async with served(2) as (_, [here, there]):
            device = there.machine.node.own
            assert device is not None
            asked = WhoIs(text(device, there))
            [match] = (await here.service.administration.whois(asked)).matches
            assert (match.device.name, match.by) == (device.name, by)
            assert match.wireguard_key == str(device.wireguard_key)
            assert match.endpoint == str(there.machine.endpoint)

    run(main())


def test_this_device_is_one_too_and_has_no_endpoint() -> None:
    async def main() -> None:
        async with served(1) as (_, [here]):
            [match] = (await here.service.administration.whois(WhoIs("d0"))).matches
            assert (match.device.this_device, match.endpoint) == (True, None)

    run(main())


def test_what_is_nobodys_is_a_users_error() -> None:
    async def main() -> None:
        async with served(1) as (_, [here]):
            with pytest.raises(UsageError, match="nothing in network 'home'"):
                await here.service.administration.whois(WhoIs("192.0.2.99"))

    run(main())
