"""What scripts read of routers: the keys, and what a newer daemon may add."""

from __future__ import annotations

import msgspec

from meshdht.api.router_messages import RouterPort


def test_a_router_that_gave_nothing_has_every_key() -> None:
    assert msgspec.to_builtins(RouterPort(gateway="192.168.1.1")) == {
        "gateway": "192.168.1.1",
        "outer": None,
        "protocol": None,
        "public": False,
        "trouble": "",
    }


def test_a_reader_passes_over_what_it_does_not_know() -> None:
    line = b'{"gateway":"fe80::1","outer":"[2001:db8::2]:9","protocol":"PCP","colour":"red"}'
    port = msgspec.json.decode(line, type=RouterPort)
    assert port == RouterPort(gateway="fe80::1", outer="[2001:db8::2]:9", protocol="PCP")
