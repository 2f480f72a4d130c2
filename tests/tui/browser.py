"""A real browser without a window, driven by its DevTools protocol."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
WAITS, WAIT_S = 600, 0.1


class Page:
    """One page; what it logs and what its policy forbids is in ``complaints``."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            said = await self._socket.receive_json()
            if said.get("id") == number:
                assert "error" not in said, said
                result: dict[str, Any] = said["result"]
                return result
            if said.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                self.complaints.append(str(said["params"]))

    async def value(self, expression: str) -> Any:
        """What a script makes of the page."""
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    async def until(self, expression: str) -> None:
        """Until a script says so of the page."""
        for _ in range(WAITS):
            if await self.value(expression):
                return
            await asyncio.sleep(WAIT_S)
        raise AssertionError(f"not so within {WAITS * WAIT_S:.0f} s: {expression}")

    async def until_shown(self, words: str) -> None:
        """Until the terminal in the page says this."""
        rows = "document.querySelector('.xterm-rows')"
        await self.until(f"{rows} !== null && {rows}.innerText.includes({words!r})")

    async def type(self, text: str) -> None:
        for char in text:
            await self.call("Input.dispatchKeyEvent", type="keyDown", text=char, key=char)
            await self.call("Input.dispatchKeyEvent", type="keyUp", key=char)


@asynccontextmanager
async def browser(url: str, directory: Path, size: tuple[int, int]) -> AsyncIterator[Page]:
    """A page that is opened at ``url``; the browser keeps what it has to keep in ``directory``."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",  # then the terminal is made of text, which can be read
        "--disable-software-rasterizer",
        "--no-first-run",
        "--remote-debugging-port=0",
        f"--user-data-dir={directory}",
        f"--window-size={size[0]},{size[1]}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        told = directory / "DevToolsActivePort"
        for _ in range(WAITS):
            if told.exists() and "\n" in told.read_text():
                break
            await asyncio.sleep(WAIT_S)
        port = told.read_text().split()[0]
        async with ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as reply:
                pages = [each for each in await reply.json() if each["type"] == "page"]
            address = pages[0]["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=0) as socket:
                page = Page(socket)
                for domain in ("Page", "Log", "Runtime"):
                    await page.call(f"{domain}.enable")
                await page.call("Emulation.setFocusEmulationEnabled", enabled=True)
                await page.call("Page.navigate", url=url)
                yield page
    finally:
        process.terminate()
        await process.wait()
