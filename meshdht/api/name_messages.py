"""What a device tells of the names of its network."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Means = Literal["systemd-resolved", "resolvconf", "resolv.conf", "none", "off"]


class NamesStatus(Struct, frozen=True, kw_only=True):
    """``zone`` is ``home.internal``. ``means`` is how the programs of this machine come to ask
    ``server`` (address and port, empty while there is none): through systemd-resolved or
    resolvconf, since somebody wrote it in resolv.conf, or not at all; ``off``: it is not to be.
    ``trouble`` is why a better way failed, or empty."""

    zone: str = ""
    means: Means = "off"
    server: str = ""
    trouble: str = ""
