"""What a node told its observer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from meshdht.crypto.keys import DeviceId
from meshdht.errors import StateError
from meshdht.membership.outcasts import Verdict


@dataclass(slots=True)
class Observed:
    """A NodeObserver that counts, and passes on what it hears."""

    rosters: int = 0
    paths: Counter[DeviceId] = field(default_factory=Counter)
    verdicts: int = 0
    failures: list[StateError] = field(default_factory=list)
    seen_elsewhere_times: int = 0
    put_out_by: list[Verdict] = field(default_factory=list)
    on_roster: Callable[[], None] = lambda: None
    on_path: Callable[[DeviceId], None] = lambda device: None

    def roster_changed(self) -> None:
        self.rosters += 1
        self.on_roster()

    def put_out(self, verdict: Verdict) -> None:
        self.put_out_by.append(verdict)

    def path_changed(self, device: DeviceId) -> None:
        self.paths[device] += 1
        self.on_path(device)

    def seen_elsewhere(self) -> None:
        self.seen_elsewhere_times += 1

    def clocks_judged(self) -> None:
        self.verdicts += 1

    def disk_failed(self, error: StateError) -> None:
        self.failures.append(error)
