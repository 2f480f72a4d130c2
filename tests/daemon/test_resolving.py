"""The addresses of what a user wrote down."""

from __future__ import annotations

from meshdht.daemon.resolving import resolve
from meshdht.endpoint import Endpoint


async def test_an_address_is_itself_and_a_name_is_looked_up() -> None:
    assert await resolve("192.0.2.1:3478") == (Endpoint("192.0.2.1", 3478),)
    assert await resolve("[2001:db8::1]:9") == (Endpoint("2001:db8::1", 9),)
    assert Endpoint("127.0.0.1", 5) in await resolve("localhost:5")


async def test_a_name_without_an_address_is_nothing() -> None:
    assert await resolve("nowhere.invalid:5") == ()
    assert await resolve(f"{'x' * 70}.example:5") == ()
