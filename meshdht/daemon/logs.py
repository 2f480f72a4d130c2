"""Where the daemon logs: to the file that its starter was told of, or to stderr and the journal."""

from __future__ import annotations

import logging
import os
import sys

from meshdht.api.launch import Reporter
from meshdht.daemon.places import Places
from meshdht.errors import StateError

# sd-daemon(3): what stands for the level at the beginning of a line.
_PRIORITIES = {"DEBUG": "<7>", "INFO": "<6>", "WARNING": "<4>", "ERROR": "<3>", "CRITICAL": "<2>"}


class JournalFormatter(logging.Formatter):
    """Lines whose level the journal understands; it knows the time itself."""

    def format(self, record: logging.LogRecord) -> str:
        priority = _PRIORITIES.get(record.levelname, "<6>")
        return "\n".join(f"{priority}{line}" for line in super().format(record).splitlines())


def set_up_logging(reporter: Reporter, places: Places, level: str) -> None:
    """Log where the reporter says, from this level on; raises StateError."""
    try:
        reporter.log_to(places.log)
    except OSError as error:
        raise StateError(
            f"cannot write {places.log}: {error.strerror}",
            "is the disk full, or not yours?",
        ) from None
    handler = logging.StreamHandler()
    if writes_to_journal():
        handler.setFormatter(JournalFormatter("%(name)s: %(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    # What asyncio and the DHT's package say of single packets is strangers' to provoke.
    for noisy in ("asyncio", "kademlia", "rpcudp", "aiosqlite"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def writes_to_journal() -> bool:
    """Whether stderr is the journal's: systemd.exec(5) tells which file that is."""
    told = os.environ.get("JOURNAL_STREAM", "")
    try:
        stderr = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return told == f"{stderr.st_dev}:{stderr.st_ino}"
