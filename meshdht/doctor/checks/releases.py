"""Two releases at once: an upgrade after which the daemon was not started again."""

from __future__ import annotations

from meshdht.api.doctor_messages import Finding

NAME = "version"


def judge_releases(client: str, daemon: str) -> Finding:
    """``client`` is the release of the command line, ``daemon`` that of the running daemon."""
    if client == daemon:
        message = f"command line and daemon are both release {client}"
        return Finding(check=NAME, level="fine", message=message)
    message = f"the daemon still runs release {daemon}, the command line is {client}"
    fix = "sudo meshdht down && sudo meshdht up"
    return Finding(check=NAME, level="problem", message=message, fix=fix)
