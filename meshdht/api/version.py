"""Which version of the local API this release speaks."""

from __future__ import annotations

from meshdht.api.errors import ApiError

# It changes when an old client could misread a new daemon, or the reverse.
API_VERSION = 1


def check_version(theirs: int, speaker: str) -> None:
    """Refuse another API version by name; ``speaker`` is who speaks it ("client" or "daemon")."""
    if theirs != API_VERSION:
        raise ApiError(
            f"the {speaker} speaks version {theirs} of the local API, this side version"
            f" {API_VERSION}",
            "run one release on both sides: meshdht down, then meshdht up",
        )
