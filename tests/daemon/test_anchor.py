"""An anchor's daemon: it needs no root, comes back as it was, and answers what it can."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from meshdht.api.client import Client
from meshdht.api.errors import ApiError
from meshdht.api.launch import Anchor, LaunchRequest, Reporter
from meshdht.api.messages import AnchorStatus
from meshdht.crypto.keys import AnchorWelcome, InviteKey, PacketKey
from meshdht.daemon.anchor import AnchorLaunch
from meshdht.endpoint import Endpoint
from meshdht.errors import LinkError, UsageError
from meshdht.membership.anchor_link import AnchorLink
from tests.api.fake_daemon import short_directory

KEY, OTHER_KEY = PacketKey(b"k" * 32), PacketKey(b"o" * 32)
LINK_SAYS = AnchorLink(
    packet_key=KEY,
    generation=1,
    invite=InviteKey(b"i" * 32),
    welcome=AnchorWelcome(b"w" * 16),
    expires=int(time.time()) + 3600,
    suggested_name="vps",
    hints=(Endpoint("127.0.0.1", 9),),
)
LINK = str(LINK_SAYS)


def link(number: int, key: PacketKey = KEY, generation: int = 1) -> str:
    """Another link, by an invite of its own."""
    invite = InviteKey(bytes([number]) * 32)
    return str(replace(LINK_SAYS, packet_key=key, generation=generation, invite=invite))


def launch(folder: Path, link: str | None = None) -> AnchorLaunch:
    action = Anchor(name="attic", link=link)
    request = LaunchRequest(
        action=action, state_dir=str(folder / "state"), runtime_dir=str(folder / "run")
    )
    return AnchorLaunch(action, request, Reporter(None))


@asynccontextmanager
async def running(folder: Path, link: str | None = None) -> AsyncIterator[Path]:
    """An anchor with its socket; told to stop at the end."""
    socket = folder / "run" / "attic.sock"
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(launch(folder, link).run())
        for _ in range(1000):
            if socket.exists() or task.done():
                break
            await asyncio.sleep(0.01)
        yield socket
        await asyncio.to_thread(_down, socket)
    assert not socket.exists()


def _down(socket: Path) -> None:
    # The process that runs the test is the daemon's: its end is not waited for.
    with Client(socket) as client, pytest.raises(ApiError, match="still runs"):
        client.down(timeout_s=0.01)


async def status(socket: Path) -> AnchorStatus:
    def ask() -> AnchorStatus:
        with Client(socket) as client:
            return client.anchor_status()

    return await asyncio.to_thread(ask)


def test_an_anchor_comes_back_with_its_id_and_port() -> None:
    async def main(folder: Path) -> None:
        async with running(folder, LINK) as socket:
            first = await status(socket)
        async with running(folder) as socket:
            second = await status(socket)
        assert (first.anchor, first.records, first.contacts) == ("attic", 0, 0)
        assert (first.id, first.listen_port) == (second.id, second.listen_port)
        database = folder / "state" / "attic" / "state.db"
        assert database.stat().st_mode & 0o777 == 0o600

    with short_directory() as folder:
        asyncio.run(main(folder))


def test_an_anchor_knows_neither_devices_nor_names() -> None:
    async def main(folder: Path) -> None:
        async with running(folder, LINK) as socket:
            for verb in (Client.status, Client.devices, Client.anchor_link):

                def ask() -> None:
                    with Client(socket) as client:
                        verb(client)  # noqa: B023

                with pytest.raises(ApiError, match="'attic' is an anchor"):
                    await asyncio.to_thread(ask)

    with short_directory() as folder:
        asyncio.run(main(folder))


def test_a_new_generation_takes_the_place_of_the_old_and_nothing_else_does() -> None:
    async def main(folder: Path) -> None:
        async with running(folder, LINK) as socket:
            before = await status(socket)
        with pytest.raises(UsageError, match="another network, or this link is an old one"):
            await launch(folder, link(1, OTHER_KEY)).run()
        async with running(folder, link(2, OTHER_KEY, 2)) as socket:
            assert (await status(socket)).id == before.id
        with pytest.raises(UsageError, match="old one"):
            await launch(folder, link(3)).run()

    with short_directory() as folder:
        asyncio.run(main(folder))


def test_without_a_link_there_is_no_anchor(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no anchor 'attic' on this machine") as raised:
        asyncio.run(launch(tmp_path).run())
    assert "meshdht anchor link" in raised.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_link_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="truncated or altered") as raised:
        launch(tmp_path, LINK[:-3])
    assert LINK[30:60] not in raised.value.message + raised.value.hint
    assert list(tmp_path.iterdir()) == []
