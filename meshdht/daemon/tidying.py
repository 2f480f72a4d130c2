"""What a daemon that was killed has left on this machine, removed: for ``down`` where none runs."""

from __future__ import annotations

from pathlib import Path

from meshdht.api.launch import LaunchRequest, Ready, Reporter, Tidy
from meshdht.daemon.engines import mark_of
from meshdht.daemon.kernel_carrier import remove_left
from meshdht.daemon.launch import run_to_the_end
from meshdht.daemon.lending import table_of
from meshdht.daemon.places import NetworkLock, Places
from meshdht.membership.names import validate_label
from meshdht.net.netlink import open_netlink
from meshdht.net.relay_kernel import remove_table


def launch_tidying(action: Tidy, request: LaunchRequest, reporter: Reporter) -> None:
    """Do it, say what there was, and report Ready; raises MeshdhtError."""

    async def run() -> None:
        validate_label(action.name, "name")
        places = Places(Path(request.state_dir), Path(request.runtime_dir), action.name)
        places.refuse_absent()
        for thing in await tidy(places, is_anchor=action.is_anchor):
            reporter.progress(thing)
        reporter.ready(Ready(network=action.name, socket="", device="", addresses=()))

    run_to_the_end(run, reporter.supervisor)


async def tidy(places: Places, *, is_anchor: bool) -> list[str]:
    """Remove what outlives a killed daemon; what there was, in words. All else goes with its
    process. Raises AlreadyRunning, and PlatformError."""
    with NetworkLock(places):
        async with open_netlink() as netlink:
            interfaces = await remove_left(mark_of(places), netlink)
        found = [f"the interface {each}" for each in interfaces]
        table = table_of(places.network, is_anchor=is_anchor)
        if await remove_table(table):
            found.append(f"the nftables table {table}")
        if places.socket.exists():
            places.socket.unlink()
            found.append("its socket")
    return found
