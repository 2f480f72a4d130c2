"""The daemon's side of one worker process: its life, and the messages to and from it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from meshdht.engine import channel
from meshdht.engine.channel import Message, Operated, Stats, ToDaemon

_STOP_TIMEOUT_S = 2.0

# It answers within a millisecond, and between two batches of traffic on a busy machine.
ANSWER_TIMEOUT_S = 2.0

# Messages that wait for a worker which does not read. One with more of them is ended: it hangs, and
# the next begins with all that is to be anyway.
WAITING_MAX = 4096

# Messages taken before the loop may turn to something else.
_BATCH = 64

Answer = Operated | Stats


class Spawned:
    """A process that waits to be told what to carry: to start takes it a moment, in which the
    daemon has other things to do."""

    def __init__(self) -> None:
        """Raises OSError if it cannot be started."""
        self.begun = time.monotonic()
        self.sock, theirs = channel.pair()
        try:
            # Not forked: the daemon has threads, and secrets that are none of the worker's.
            self.process = subprocess.Popen(
                [sys.executable, "-m", "meshdht.engine.worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        except OSError:
            self.sock.close()
            raise
        finally:
            theirs.close()

    def close(self) -> None:
        """End it, if it still is. Blocks until it has ended. Closing again is harmless."""
        self.sock.close()
        self.process.kill()
        self.process.wait()


class WorkerProcess:
    """A worker, started. It ends with this process, whatever becomes of it."""

    def __init__(
        self,
        on_message: Callable[[ToDaemon], None],
        on_lost: Callable[[], None],
        spawned: Spawned | None = None,
    ) -> None:
        """``on_message`` hears all but the answers that ``ask`` waits for; ``on_lost`` hears that
        the process ended by itself. ``spawned``: which to take, instead of another. Raises OSError
        if none can be started."""
        self._loop = asyncio.get_running_loop()
        self.started: asyncio.Future[None] = self._loop.create_future()
        """Done once it carries traffic; EOFError if it ended before."""
        self.hangs = False
        """An answer has been due for ANSWER_TIMEOUT_S, and it has said nothing since."""
        self._on_message = on_message
        self._on_lost = on_lost
        spawned = spawned or Spawned()
        self._begun, self._sock, self._process = spawned.begun, spawned.sock, spawned.process
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(ToDaemon)
        self._waiting: deque[tuple[bytes, Sequence[int]]] = deque()
        self._number = 0
        self._answers: dict[int, tuple[asyncio.Future[list[Answer]], list[Answer]]] = {}
        self._loop.add_reader(self._sock, self._read)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def answers(self) -> bool:
        """Whether a question is likely to be answered soon."""
        return self.started.done() and not self.hangs

    def lived_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._begun

    def send(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Say it now, or as soon as there is room. The descriptors are duplicated at once."""
        self._waiting.append((self._encoder.encode(message), fds))
        if len(self._waiting) > WAITING_MAX:
            self._process.kill()
        self._flush()

    async def ask(self, question: Callable[[int], Message]) -> list[Answer]:
        """Send a message that carries a number, and wait for all parts of the answer. Raises
        EOFError if the worker ends before, TimeoutError if it takes too long; ``on_message`` hears
        an answer that comes later."""
        self._number += 1
        number = self._number
        future: asyncio.Future[list[Answer]] = self._loop.create_future()
        self._answers[number] = future, []
        self.send(question(number))
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await future
        except TimeoutError:
            self.hangs = True
            raise
        finally:
            self._answers.pop(number, None)

    def close(self) -> None:
        """Let it end: it does once nobody is at this end."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._sock.close()
        if not self.started.done():
            self.started.set_exception(EOFError())
            self.started.exception()  # whoever does not wait need not hear
        for future, _ in self._answers.values():
            if not future.done():
                future.set_exception(EOFError())

    def end(self) -> str:
        """Wait until it has ended, at most for a while; says how it did. Blocks."""
        try:
            code = self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if code >= 0:
            return f"exit code {code}"
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
        return f"signal {-code}"

    def _flush(self) -> None:
        while self._waiting:
            data, fds = self._waiting[0]
            try:
                socket.send_fds(self._sock, [data], list(fds))
            except BlockingIOError:
                self._loop.add_writer(self._sock, self._flush)
                return
            except OSError:
                self._waiting.clear()  # reading tells
                return
            self._waiting.popleft()
        self._loop.remove_writer(self._sock)

    def _read(self) -> None:
        for _ in range(_BATCH):
            try:
                data = self._sock.recv(channel.SIZE_MAX)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.close()
                self._on_lost()
                return
            self.hangs = False
            self._take(self._decoder.decode(data))
            if self._sock.fileno() < 0:
                return  # what it said made somebody close us

    def _take(self, message: ToDaemon) -> None:
        if isinstance(message, Operated | Stats) and message.number in self._answers:
            future, parts = self._answers[message.number]
            parts.append(message)
            if (isinstance(message, Operated) or message.is_last) and not future.done():
                future.set_result(parts)
            return
        if isinstance(message, channel.Started) and not self.started.done():
            self.started.set_result(None)
        self._on_message(message)
