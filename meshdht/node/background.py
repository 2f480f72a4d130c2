"""Work beside the rest: tasks that the events of a running node begin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine


class Background:
    """``group`` is the running node's, and None before and after."""

    def __init__(self) -> None:
        self.group: asyncio.TaskGroup | None = None

    def spawn(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Begin something; a node that has ended, or is ending, begins no more."""
        if self.group is None:
            return
        task = work()
        try:
            self.group.create_task(task)
        except RuntimeError:
            task.close()
