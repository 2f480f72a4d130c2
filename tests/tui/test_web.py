"""The live view in a browser: to whom it answers, and that it is one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, WSMsgType, web
from meshdht_tui import web as view

from meshdht.api.errors import ApiError
from tests.api.fake_daemon import serving
from tests.tui.browser import CHROMIUM, browser

SECRET = "s3cret"


def command(socket_path: Path) -> list[str]:
    return [sys.executable, "-P", "-m", "meshdht_tui", str(socket_path)]


@asynccontextmanager
async def served(socket_path: Path) -> AsyncIterator[str]:
    """Its address, while it runs."""
    listener = view.listen(0)
    address = f"{view.HOST}:{listener.getsockname()[1]}"
    app = await view.make_app(command(socket_path), address, SECRET)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    try:
        yield address
    finally:
        await runner.cleanup()
        await views_gone()


async def views_gone() -> None:
    """Each view ends once its page is closed, and the loop has seen it end."""
    for _ in range(300):
        if not views():
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.1)


def views() -> list[str]:
    """The processes of ours that are a view."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    commands = {each: Path(f"/proc/{each}/cmdline") for each in children}
    return [
        each for each, at in commands.items() if at.exists() and b"meshdht_tui" in at.read_bytes()
    ]


async def status_of(url: str, **headers: str) -> int:
    async with ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status


@pytest.mark.parametrize("path", ["", "ws", "static/js/textual.js", "download/x", "S3CRET/"])
async def test_without_the_secret_there_is_nothing(socket_path: Path, path: str) -> None:
    async with served(socket_path) as address:
        assert await status_of(f"http://{address}/{path}") == 404


async def test_a_name_that_was_pointed_here_finds_nothing(socket_path: Path) -> None:
    async with served(socket_path) as address:
        url = f"http://{address}/{SECRET}/"
        assert await status_of(url) == 200
        assert await status_of(url, Host="rebound.example") == 404


async def test_the_page_loads_nothing_from_elsewhere(socket_path: Path) -> None:
    async with (
        served(socket_path) as address,
        ClientSession() as session,
        session.get(f"http://{address}/{SECRET}/") as response,
    ):
        page = await response.text()
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert f"connect-src 'self' ws://{address}" in policy
        assert "https:" not in policy
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert f"ws://{address}/{SECRET}/ws" in page
        assert "https://" not in page
        assert await status_of(f"http://{address}/{SECRET}/static/js/textual.js") == 200


async def test_what_is_behind_the_page_is_the_view(socket_path: Path) -> None:
    with serving(socket_path):
        async with served(socket_path) as address, ClientSession() as session:
            url = f"http://{address}/{SECRET}/ws?width=100&height=30"
            async with session.ws_connect(url) as browser, asyncio.timeout(60):
                seen = b""
                while b"2 of 3 online" not in seen:
                    message = await browser.receive()
                    assert message.type in (WSMsgType.BINARY, WSMsgType.TEXT)
                    if message.type is WSMsgType.BINARY:
                        seen += message.data
                await browser.send_json(["stdin", "q"])
                while not browser.closed:
                    await browser.receive()


@pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium")
async def test_a_real_browser_shows_it_and_takes_keys_without_a_click(
    socket_path: Path, tmp_path: Path
) -> None:
    with serving(socket_path):
        async with (
            served(socket_path) as address,
            browser(f"http://{address}/{SECRET}/", tmp_path, (1000, 700)) as page,
        ):
            await page.until_shown("2 of 3 online")
            await page.type("4")
            await page.until_shown("this one")
            await page.type("q")
            await page.until("document.body.classList.contains('-closed')")
            assert await page.value("document.title") == "meshdht"
            assert page.complaints == []


def test_it_listens_on_the_loopback_alone_and_says_when_it_cannot() -> None:
    with view.listen(0) as listener:
        host, port = listener.getsockname()
        assert host == "127.0.0.1"
        with pytest.raises(ApiError, match=f"cannot listen on 127.0.0.1:{port}") as caught:
            view.listen(port)
        assert "--port" in caught.value.hint


async def test_without_the_package_it_says_how_to_get_it(
    socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    with pytest.raises(ApiError, match="textual-serve") as caught:
        await view.make_app(command(socket_path), "127.0.0.1:1", SECRET)
    assert "meshdht[web]" in caught.value.hint


async def test_each_run_has_another_secret_and_ends_when_interrupted(socket_path: Path) -> None:
    told: list[str] = []

    def tell(url: str) -> None:
        told.append(url)
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)

    for _ in range(2):
        async with asyncio.timeout(30):
            await view.serve(command(socket_path), 0, tell)
    first, second = (url.split("/")[3] for url in told)
    assert first != second
    assert len(first) >= 32
