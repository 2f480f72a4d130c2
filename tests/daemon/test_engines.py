"""Which engine is chosen, and what is said of it: on a stand-in for the machine's interfaces."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from meshdht.api.client import Client
from meshdht.api.launch import Create
from meshdht.daemon.config import Config
from meshdht.daemon.engines import CHOSEN, make_carrier
from meshdht.daemon.places import Places
from meshdht.daemon.switchboard import Switchboard
from meshdht.errors import ConfigError, PlatformError
from meshdht.net.links import Link
from tests.daemon.daemon_process import HAS_TUN, daemon

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not HAS_TUN, reason="needs root and /dev/net/tun"),
]
PLACES = Places(Path("/var/lib/meshdht"), Path("/run/meshdht"), "engines")
OURS = "meshdht /var/lib/meshdht/engines"


class FakeLinks:
    """A machine that refuses to make interfaces, perhaps with one of our name already."""

    def __init__(self, refusal: int, found: Link | None = None) -> None:
        self.refusal = refusal
        self.found = found
        self.made: list[tuple[str, str, str]] = []
        self.removed: list[int] = []

    async def find(self, interface: str) -> Link | None:
        return self.found if self.found and self.found.name == interface else None

    async def links(self) -> list[Link]:
        return [self.found] if self.found else []

    async def make(self, interface: str, kind: str, alias: str) -> int:
        self.made.append((interface, kind, alias))
        raise OSError(self.refusal, os.strerror(self.refusal))

    async def remove(self, index: int) -> None:
        self.removed.append(index)


async def chosen(config: Config, links: Any, *, adopts: bool = True) -> tuple[str, str]:
    """The name of the engine that is chosen, and why; what was made is closed again."""
    carrier = await make_carrier(config, PLACES, links, Switchboard(), adopts=adopts)
    await carrier.close()
    return type(carrier).__name__, carrier.why


REASONS = [
    (errno.EOPNOTSUPP, "this kernel has no WireGuard"),
    (errno.EPERM, "no permission to make a WireGuard interface"),
    (errno.ENOMEM, "the kernel's WireGuard cannot be used: Cannot allocate memory"),
]


@pytest.mark.parametrize(("refusal", "why"), REASONS)
async def test_auto_falls_back_to_the_embedded_engine_and_says_why(refusal: int, why: str) -> None:
    links = FakeLinks(refusal)
    assert await chosen(Config(), links) == ("EmbeddedCarrier", why)
    assert links.made == [("mesh-engines", "wireguard", OURS)]


@pytest.mark.parametrize(("refusal", "why"), REASONS)
async def test_the_kernel_engine_where_it_cannot_be_had_is_a_users_error_with_a_way_out(
    refusal: int, why: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        await chosen(Config(engine="kernel"), FakeLinks(refusal))
    assert raised.value.exit_code == 2
    assert raised.value.message == f'{PLACES.config} says engine = "kernel", but {why}'
    assert raised.value.hint


async def test_the_embedded_engine_can_be_chosen() -> None:
    links = FakeLinks(errno.EOPNOTSUPP)
    assert await chosen(Config(engine="embedded"), links) == ("EmbeddedCarrier", CHOSEN)
    assert links.made == []


async def test_what_the_kernel_engine_has_left_gives_way_to_the_embedded_one() -> None:
    links = FakeLinks(errno.EOPNOTSUPP, Link(7, "mesh-engines", "wireguard", OURS))
    await chosen(Config(engine="embedded"), links)
    assert links.removed == [7]


async def test_a_new_network_does_not_take_over_what_an_old_one_has_left() -> None:
    links = FakeLinks(errno.EOPNOTSUPP, Link(7, "mesh-engines", "wireguard", OURS))
    await chosen(Config(), links, adopts=False)
    assert links.removed == [7]


async def test_what_was_left_by_another_name_does_not_keep_the_port() -> None:
    links = FakeLinks(errno.EOPNOTSUPP, Link(7, "renamed", "wireguard", OURS))
    await chosen(Config(), links)
    assert links.removed == [7]


@pytest.mark.parametrize(
    "link",
    [
        Link(7, "mesh-engines", "wireguard", ""),
        Link(7, "mesh-engines", "wireguard", "meshdht /var/lib/meshdht/other"),
        Link(7, "mesh-engines", "bridge", OURS),
    ],
)
async def test_an_interface_of_somebody_else_is_left_alone(link: Link) -> None:
    links = FakeLinks(errno.EEXIST, link)
    with pytest.raises(PlatformError, match="mesh-engines already exists"):
        await chosen(Config(), links)
    assert links.removed == []
    assert links.made == []


def test_a_daemon_says_which_engine_it_has_and_why(tmp_path: Path) -> None:
    config = tmp_path / "state" / "home" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('engine = "embedded"\n')
    with daemon(tmp_path, Create(network="home", name="nas", listen_port=0)) as running:
        with Client(Path(running.report()["socket"])) as client:
            status = client.status()
            assert (status.engine, status.engine_reason) == ("embedded", CHOSEN)
            client.down()
        assert running.process.wait(10) == 0
