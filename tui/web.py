"""The live view in a browser, on this machine alone.

``textual-serve`` runs a view for each page that is opened, and is told here what it lacks: all its
addresses begin with a secret that is drawn at the start, so that other users of the machine, and
pages of the web in the user's own browser, reach nothing; and nothing is loaded from elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import shlex
import signal
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from meshdht.api.errors import ApiError

if TYPE_CHECKING:
    from aiohttp import web

HOST = "127.0.0.1"
SECRET_BYTES = 24
CLOSE_TIMEOUT_S = 2.0
# The page of textual-serve asks a font of a stranger; what it needs is among its own files. That no
# page of a later release does either is the policy's to see to.
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    " font-src 'self'; img-src 'self' data:; connect-src 'self' ws://{address}; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)

_FONT_OF_A_STRANGER = re.compile(r"<link[^>]*https://[^>]*>")
# The page of textual-serve takes no keys before it is clicked at, and has scroll bars beside it.
_HEAD = """
    <title>meshdht</title>
    <link rel="icon" href="data:," />
    <style>
      html, body { margin: 0; overflow: hidden; background: #11151a; }
      .xterm .xterm-viewport { overflow: hidden; background: inherit !important; }
    </style>
    <script>
      const listen = () => document.querySelector(".xterm-helper-textarea")?.focus();
      window.addEventListener("load", () =>
        new MutationObserver(listen).observe(document.body, { attributeFilter: ["class"] }));
      window.addEventListener("focus", listen);
    </script>
  </head>"""


def mended(page: str) -> str:
    """The page that a view is seen in: complete by itself, and ready for keys."""
    return _FONT_OF_A_STRANGER.sub("", page).replace("</head>", _HEAD, 1)


def listen(port: int) -> socket.socket:
    """A socket on the loopback, at a port that is free if ``port`` is 0; raises ApiError."""
    listener = socket.socket(socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise ApiError(
            f"cannot listen on {HOST}:{port}: {error.strerror or error}", "choose another --port"
        ) from None
    return listener


async def make_app(command: Sequence[str], address: str, secret: str) -> web.Application:
    """What is served at ``address`` (host and port): a view that ``command`` runs, below the
    secret; nothing else is there."""
    try:
        import aiohttp_jinja2  # noqa: F401
        from aiohttp import web
        from textual_serve.server import Server
    except ImportError:
        raise ApiError(
            "the view in a browser needs the package textual-serve",
            "pip install 'meshdht[web]', in the environment that meshdht runs in",
        ) from None

    class Quiet(Server):
        """Says nothing of its own at the start: the address is to be told once, by us."""

        async def on_startup(self, app: web.Application) -> None:
            pass

        async def handle_index(self, request: web.Request) -> web.StreamResponse:
            response = await super().handle_index(request)
            assert isinstance(response, web.Response)
            response.text = mended(response.text or "")
            return response

    async def guard(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Content-Security-Policy"] = _POLICY.format(address=address)
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"

    @web.middleware
    async def only_here(request: web.Request, handler: Callable[..., object]) -> web.StreamResponse:
        """A name that somebody has pointed at this machine is not this machine's."""
        if request.host != address:
            raise web.HTTPNotFound
        return await handler(request)  # type: ignore[misc, no-any-return]

    server = Quiet(shlex.join(command), HOST, title="meshdht", public_url=f"http://{address}")
    inside = await server._make_app()
    outside = web.Application(middlewares=[only_here])
    outside.add_subapp(f"/{secret}", inside)
    outside.on_response_prepare.append(guard)
    return outside


async def serve(command: Sequence[str], port: int, told: Callable[[str], None]) -> None:
    """Serve until the user interrupts; ``told`` hears the address first. Raises ApiError."""
    with contextlib.closing(listen(port)) as listener:
        address = f"{HOST}:{listener.getsockname()[1]}"
        secret = secrets.token_urlsafe(SECRET_BYTES)
        app = await make_app(command, address, secret)
        from aiohttp import web

        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ended.set)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_TIMEOUT_S)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            told(f"http://{address}/{secret}/")
            await ended.wait()
        finally:
            await runner.cleanup()


def run(command: Sequence[str], port: int, told: Callable[[str], None]) -> int:
    """The same, from where there is no loop; returns the exit code."""
    asyncio.run(serve(command, port, told))
    return 0
