"""A service manager that started the daemon and wants to hear of it, as sd_notify(3) has it.

It is a datagram socket named in the environment; a message is lines of ``KEY=value``.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import MutableMapping

_US = 1e-6
# It counts as dead after the whole interval; a busy machine may make us late.
_BEATS_PER_INTERVAL = 3


class Supervisor:
    """The service manager, if there is one; without it everything here does nothing."""

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        """Takes what it needs out of the environment: no child of the daemon speaks for it."""
        self._address = environment.pop("NOTIFY_SOCKET", "")
        interval_us = environment.pop("WATCHDOG_USEC", "")
        environment.pop("WATCHDOG_PID", "")
        self.beat_s: float | None = None
        """How often it wants a sign of life, in seconds."""
        if self._address and interval_us.isdecimal() and int(interval_us) > 0:
            self.beat_s = int(interval_us) * _US / _BEATS_PER_INTERVAL

    def doing(self, text: str, wait_s: float = 0.0) -> None:
        """Say what is being done, and that it may take so long from now on."""
        extension = f"\nEXTEND_TIMEOUT_USEC={round(wait_s / _US)}" if wait_s > 0 else ""
        self._send(f"STATUS={_one_line(text)}{extension}")

    def ready(self, text: str) -> None:
        """Say that the daemon is up."""
        self._send(f"READY=1\nSTATUS={_one_line(text)}")

    def keep_alive(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give signs of life for as long as the loop runs, and no longer than it does."""
        if self.beat_s is not None:
            self._send("WATCHDOG=1")
            loop.call_later(self.beat_s, self.keep_alive, loop)

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # A leading @ stands for the zero byte of Linux's abstract names.
        address = f"\0{self._address[1:]}" if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto(message.encode(), address)
        except OSError:
            pass  # one that does not listen is not missed


def _one_line(text: str) -> str:
    return " ".join(text.split())
