"""Which engine: WireGuard in the kernel where it can be had, else the embedded one."""

from __future__ import annotations

from meshdht.daemon.carriers import Carrier, EmbeddedCarrier
from meshdht.daemon.config import Config
from meshdht.daemon.kernel_carrier import Unavailable, open_kernel_carrier, remove_left
from meshdht.daemon.places import Places
from meshdht.daemon.switchboard import Switchboard
from meshdht.errors import ConfigError
from meshdht.net.netlink import Netlink

CHOSEN = "chosen in config.toml"
# What an interface may have as alias (IFALIASZ in <linux/if.h>), for paths of ASCII.
MARK_SIZE_MAX = 255
AVAILABLE = "this kernel has WireGuard"


def mark_of(places: Places) -> str:
    """The alias of the network's interface in the kernel, by which it is known again."""
    return f"meshdht {places.directory}"[-MARK_SIZE_MAX:]


async def make_carrier(
    config: Config, places: Places, netlink: Netlink, switchboard: Switchboard, *, adopts: bool
) -> Carrier:
    """As ``engine`` in the configuration says. ``adopts``: this network was on this machine
    before, and its interface may have been left by a daemon that was killed.

    Raises PlatformError, or ConfigError where the kernel engine is demanded and cannot be had.
    """
    interface = config.interface or places.interface
    mark = mark_of(places)
    if config.engine == "embedded":
        await remove_left(mark, netlink)
        return EmbeddedCarrier(interface, switchboard, CHOSEN)
    why = CHOSEN if config.engine == "kernel" else AVAILABLE
    try:
        return await open_kernel_carrier(
            interface, mark, netlink, switchboard, adopts=adopts, why=why
        )
    except Unavailable as error:
        if config.engine == "kernel":
            raise ConfigError(
                f'{places.config} says engine = "kernel", but {error.why}', error.hint
            ) from None
        return EmbeddedCarrier(interface, switchboard, error.why)
