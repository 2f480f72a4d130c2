"""An anchor's daemon: it needs no root, comes back as it was, and answers what it can."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from meshdht.api.anchor_messages import AnchorStatus, CreateAnchorLink
from meshdht.api.client import Client
from meshdht.api.errors import ApiError
from meshdht.api.launch import Anchor, LaunchRequest, Reporter
from meshdht.crypto.keys import AnchorWelcome, InviteKey, PacketKey
from meshdht.daemon.anchor import AnchorLaunch
from meshdht.endpoint import Endpoint
from meshdht.errors import AlreadyRunning, LinkError, UsageError
from meshdht.membership.anchor_link import AnchorLink
from meshdht.node.claiming import NOBODY
from meshdht.store.store import Store
from tests.api.fake_daemon import short_directory
from tests.daemon.test_anchor_store import OLD_LINK

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
            asked = CreateAnchorLink()
            for verb in (
                Client.status,
                Client.devices,
                Client.anchors,
                lambda client: client.anchor_link(asked),
            ):

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


def test_a_second_start_is_refused_by_the_process_that_runs() -> None:
    async def main(folder: Path) -> None:
        async with running(folder, LINK):
            with pytest.raises(AlreadyRunning, match=f"anchor 'attic', pid {os.getpid()}$") as no:
                await launch(folder).run()
            assert "meshdht anchor down stops it" in no.value.hint

    with short_directory() as folder:
        asyncio.run(main(folder))


def test_the_link_it_was_set_up_with_may_be_given_at_every_start() -> None:
    async def main(folder: Path) -> None:
        async with running(folder, LINK) as socket:
            first = await status(socket)
        async with running(folder, LINK) as socket:
            assert (await status(socket)).id == first.id
        assert first.trouble == NOBODY

    with short_directory() as folder:
        asyncio.run(main(folder))


def test_an_expired_link_sets_up_no_anchor(tmp_path: Path) -> None:
    expired = str(replace(LINK_SAYS, expires=int(time.time()) - 400))
    with pytest.raises(LinkError, match="this anchor link expired on"):
        asyncio.run(launch(tmp_path, expired).run())


def test_an_anchor_of_before_anchors_had_keys_asks_for_a_fresh_link() -> None:
    async def main(folder: Path) -> None:
        database = folder / "state" / "attic" / "state.db"
        database.parent.mkdir(parents=True)
        async with Store.open(database) as store:
            await store.set_meta("anchor id", bytes(20))
            await store.set_meta("anchor link", OLD_LINK)
        with pytest.raises(UsageError, match=r"'attic' needs a fresh link: .* older version") as no:
            await launch(folder).run()
        assert "meshdht anchor link, on an admin's device" in no.value.hint
        async with running(folder, LINK) as socket:
            assert (await status(socket)).trouble == NOBODY

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


async def test_what_keeps_it_from_its_socket_is_told_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(ApiError, match="cannot listen at"):
        await launch(tmp_path, LINK).run()
