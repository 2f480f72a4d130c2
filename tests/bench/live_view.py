"""What the live view of 200 peers costs, against a Textual application that does nothing.

    python -m tests.bench.live_view [seconds] [peers]

Three run side by side, each in a terminal of 100 by 30, so that whatever else the machine does
slows them alike: the view of peers of which nothing is new but that ages grow, half of them by the
second; the view of the same with traffic of every tenth, and so of two or three of those in sight;
and a bare application of Textual's. Processor time is counted from three seconds after all have
shown what they show. The figures of a shared machine vary; the ratio of one call says most.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path

from msgspec.structs import replace

from meshdht.api.messages import Peer
from tests.api.fake_daemon import LAPTOP, STATUS, FakeService, serving, short_directory
from tests.tui.terminal import Terminal, terminal

SETTLE_S = 3.0
# A session in use is renewed every two minutes; in the first of them its age grows on the screen.
AGE_MAX_S = 120
BUSY_EVERY = 10
IDLE = """
from textual.app import App
from textual.widgets import Static

class Idle(App):
    def compose(self):
        yield Static("nothing to do")

Idle().run()
"""


def view(directory: Path) -> list[str]:
    return [sys.executable, "-m", "meshdht", "--runtime-dir", str(directory), "tui"]


def many(count: int) -> tuple[Peer, ...]:
    return tuple(
        replace(LAPTOP, id=f"{n:032}", name=f"box-{n:04}", handshake_age_s=n * 37.0 % AGE_MAX_S)
        for n in range(count)
    )


def carry(service: FakeService, seconds: float) -> None:
    """Another second's traffic each second."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(1.0)
        service.snapshot = replace(
            service.snapshot,
            peers=tuple(
                replace(each, rx_bytes=each.rx_bytes + 100_000) if n % BUSY_EVERY == 0 else each
                for n, each in enumerate(service.snapshot.peers)
            ),
        )


def processor_seconds(seen: Terminal) -> float:
    """Of all its threads, to the nanosecond."""
    return sum(
        int(schedule.read_text().split()[0]) / 1e9
        for schedule in Path(f"/proc/{seen.process.pid}/task").glob("*/schedstat")
    )


def shares(seconds: float, count: int) -> tuple[float, float, float]:
    """Of one processor: the view of quiet peers, of busy ones, the application that is idle."""
    with ExitStack() as stack:
        services, shown = [], []
        for _ in range(2):
            directory = stack.enter_context(short_directory())
            status = replace(STATUS, peers=many(count))
            services.append(stack.enter_context(serving(directory / "home.sock", status)))
            shown.append(stack.enter_context(terminal(view(directory))))
        shown.append(stack.enter_context(terminal([sys.executable, "-c", IDLE])))
        for seen, words in zip(shown, (b"online", b"online", b"nothing to do"), strict=True):
            seen.until(words)
        carry(services[1], SETTLE_S)
        before, began = [processor_seconds(seen) for seen in shown], time.monotonic()
        carry(services[1], seconds)
        used = [processor_seconds(seen) for seen in shown]
        passed = time.monotonic() - began
    quiet, busy, idle = ((now - then) / passed for now, then in zip(used, before, strict=True))
    return quiet, busy, idle


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    quiet, busy, idle = shares(seconds, count)
    print(f"live view of {count} peers, share of one processor over {seconds:.0f} s:")
    for said, share in (("nothing new but ages", quiet), ("a tenth of them busy", busy)):
        print(f"  {said:22} {share:.2%}, {share / idle:.1f} ×")
    print(f"  {'idle Textual':22} {idle:.2%}")


if __name__ == "__main__":
    main()
