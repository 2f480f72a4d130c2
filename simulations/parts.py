"""One world in several processes, each with its own part of the hosts and its own virtual clock.

No datagram arrives sooner than after the shortest latency. So whatever is due within that time of
the earliest event in all parts, no other part can affect: each goes that far by itself, and then
they meet and hand over what they have sent to each other (the window protocol of D. Nicol, "The
cost of conservative synchronization in parallel discrete event simulations", JACM 40(2), 1993).

All parts run the same scenario and draw the same from the world's seed. Each starts, and asks, the
hosts that it ``has``; what the parts found, ``gather`` brings together in all of them. The same
seed and number of parts give the same run.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from multiprocessing.connection import Connection, Pipe
from typing import Any, NoReturn, TypeVar

from meshdht.endpoint import Endpoint
from simulations.loop import VirtualTimeLoop
from simulations.network import DatagramNetwork, Parcel

T = TypeVar("T")


class PartLost(RuntimeError):
    """Another process of this run has failed; what it says of that is on stderr."""


@dataclass(frozen=True, slots=True)
class _Message:
    """What one part tells another when they meet."""

    earliest: float
    """Nothing is due with it, or sent by it, before this moment, loop time."""
    now: float
    parcels: Sequence[Parcel]
    brought: tuple[Any] | None
    """What it brings to a gathering; None: it has not come to one yet."""


class Part:
    """What this process has of a world: everything, as long as it is not divided."""

    def __init__(self) -> None:
        self.number = 0
        self._lines: dict[int, Connection] = {}
        self._children: list[int] = []
        self._parcels: dict[int, list[Parcel]] = {}
        self._brought: tuple[Any] | None = None
        self._gathering: asyncio.Future[list[Any]] | None = None
        self._network: DatagramNetwork
        self._lookahead_s = 0.0

    @property
    def count(self) -> int:
        return 1 + len(self._lines)

    def has(self, host: int) -> bool:
        """Whether the host of this number runs in this process."""
        return host % self.count == self.number

    # --- divided and done --------------------------------------------------------------------

    def divide(
        self, parts: int, network: DatagramNetwork, homes: Sequence[Endpoint], lookahead_s: float
    ) -> None:
        """Go on in ``parts`` processes, this one among them. ``homes``: where host 0, 1, ... is;
        ``lookahead_s``: no datagram arrives sooner."""
        lines = {(a, b): Pipe() for b in range(parts) for a in range(b)}
        loop = _loop()
        for number in range(1, parts):
            child = os.fork()
            if child == 0:
                # asyncio holds that a loop does not run on in a child; this one does.
                asyncio._set_running_loop(loop)
                self.number, self._children = number, []
                break
            self._children.append(child)
        for (a, b), (at_a, at_b) in lines.items():
            if self.number in (a, b):
                self._lines[b if self.number == a else a] = at_a if self.number == a else at_b
            for each, end in ((a, at_a), (b, at_b)):
                if each != self.number:
                    end.close()
        self._parcels = {other: [] for other in self._lines}
        self._network, self._lookahead_s = network, lookahead_s
        away = [host for host in range(len(homes)) if not self.has(host)]
        network.divide(self.number, {homes[host]: self._parcels[host % parts] for host in away})
        loop.go_in_windows(self._meet)

    def leave(self, error: BaseException | None = None) -> None:
        """The world ends, or has failed: with it all processes but the first."""
        if not self._lines:
            return
        _loop().go_on()
        if self.number:
            _end(error)
        for line in self._lines.values():
            line.close()
        self._lines = {}
        for child in self._children:
            os.waitpid(child, 0)

    # --- together ----------------------------------------------------------------------------

    async def gather(self, value: T) -> list[T]:
        """What each part gives, in the order of their numbers; all get the same, at one time."""
        if not self._lines:
            return [value]
        self._brought = (value,)
        self._gathering = asyncio.get_running_loop().create_future()
        return await self._gathering

    def _meet(self, next_due: float) -> float:
        """Hand over and take what was sent meanwhile; until when, loop time, to go on now."""
        try:
            return self._window(self._exchanged(next_due))
        except Exception as error:
            self.leave(error)
            raise

    def _exchanged(self, next_due: float) -> list[_Message]:
        """What each part says, this one included, in the order of their numbers."""
        sent = (parcel[0] for parcels in self._parcels.values() for parcel in parcels)
        earliest, now = min(sent, default=next_due), _loop().time()
        earliest = min(earliest, next_due)
        said = {self.number: _Message(earliest, now, (), self._brought)}
        for other, line in sorted(self._lines.items()):
            message = _Message(earliest, now, self._parcels[other], self._brought)
            said[other] = _exchange(line, message, writes_first=self.number < other)
            self._parcels[other].clear()
        return [said[number] for number in sorted(said)]

    def _window(self, said: Sequence[_Message]) -> float:
        loop = _loop()
        for message in said:
            for when, datagram, source, to in message.parcels:
                loop.call_at(when, self._network.deliver, datagram, source, to)
        earliest = min(message.earliest for message in said)
        brought = [message.brought for message in said if message.brought is not None]
        if self._gathering is not None and len(brought) == len(said):
            # All go on at one moment, later than all that was done.
            earliest = min(earliest, loop.go_to(max(message.now for message in said)))
            self._gathering.set_result([value for (value,) in brought])
            self._brought = self._gathering = None
        elif earliest == inf:
            raise RuntimeError("nothing is scheduled in any part: the run would wait for ever")
        return earliest + self._lookahead_s


def _loop() -> VirtualTimeLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    return loop


def _exchange(line: Connection, message: _Message, *, writes_first: bool) -> _Message:
    """One has to read while the other writes: a pipe holds little."""
    packed = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    try:
        if writes_first:
            line.send_bytes(packed)
        heard: _Message = pickle.loads(line.recv_bytes())
        if not writes_first:
            line.send_bytes(packed)
    except (EOFError, OSError):
        raise PartLost("another part of the world has ended") from None
    return heard


def _end(error: BaseException | None) -> NoReturn:
    """Nothing that waits in the first process, to be closed or printed, is this one's."""
    if error is not None and not isinstance(error, PartLost | asyncio.CancelledError):
        traceback.print_exception(error)
        sys.stderr.flush()
    os._exit(0 if error is None else 1)
