"""The daemon of an anchor: node, ports, store and API. No interface, no engine, and so no root."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NoReturn

from meshdht import __version__
from meshdht.api.anchor_messages import AnchorStatus, AnchorStatusReply, GetAnchorStatus
from meshdht.api.errors import ApiError
from meshdht.api.launch import Anchor, LaunchRequest, Ready, Reporter
from meshdht.api.messages import Done, Down, Reply, Single, Streamed
from meshdht.api.relay_messages import RelayStatus
from meshdht.api.router_messages import RouterPort
from meshdht.api.server import ApiServer
from meshdht.clock import SystemClock, SystemEntropy
from meshdht.crypto.keys import SigningKey
from meshdht.daemon.anchor_store import (
    AnchorDiskStore,
    KnownAnchor,
    anchor_key,
    load_anchor,
    save_anchor,
)
from meshdht.daemon.config import read_config
from meshdht.daemon.daemon import HAND_OVER
from meshdht.daemon.founding import host_label
from meshdht.daemon.launch import run_to_the_end
from meshdht.daemon.lending import Lending, table_of
from meshdht.daemon.logs import set_up_logging
from meshdht.daemon.persistence import listen_port
from meshdht.daemon.places import NetworkLock, Places
from meshdht.daemon.port_mapping import PortMapping, gateways_to_ask
from meshdht.daemon.stream_service import StreamService
from meshdht.daemon.switchboard import Switchboard
from meshdht.dht.dht import Contact
from meshdht.dht.storage import SavedValue
from meshdht.errors import LinkError, MeshdhtError, PlatformError, StateError, UsageError, ungrouped
from meshdht.membership.anchor_link import parse_anchor_link
from meshdht.membership.names import validate_label
from meshdht.net.changes import ChangeWatch
from meshdht.net.netlink import open_netlink
from meshdht.net.udp import UdpPort
from meshdht.node.anchor import AnchorNode, AnchorState
from meshdht.store.store import Store

log = logging.getLogger(__name__)

DEFAULT_PORT = 41820


class AnchorLaunch:
    """One start of one anchor."""

    def __init__(self, action: Anchor, request: LaunchRequest, reporter: Reporter) -> None:
        self._link = parse_anchor_link(action.link) if action.link is not None else None
        validate_label(action.name, "anchor name")
        self._name = action.name
        self._asked_port = action.listen_port
        self._reporter = reporter
        self._places = Places(Path(request.state_dir), Path(request.runtime_dir), action.name)
        self._clock = SystemClock()
        self._entropy = SystemEntropy()
        self._switchboard = Switchboard()
        self._stopping = asyncio.Event()
        self._disk_failure = ""

    async def run(self) -> None:
        """Serve until told to stop; raises MeshdhtError or ApiError."""
        if self._link is None and not self._places.database.exists():
            raise UsageError(
                f"no anchor {self._name!r} on this machine yet",
                "give it a link: meshdht anchor run --link-file FILE (`meshdht anchor link`)",
            )
        self._places.make_directory()
        async with AsyncExitStack() as stack:
            stack.enter_context(NetworkLock(self._places, "anchor", "meshdht anchor"))
            config = read_config(self._places.config)
            set_up_logging(self._reporter, self._places, config.log_level)
            store = await stack.enter_async_context(Store.open(self._places.database))
            known = await self._known(store)
            chosen = self._chosen(known, await anchor_key(store))
            port = self._open_port(await listen_port(store))
            stack.callback(port.close)
            if known != chosen or await listen_port(store) != port.port:
                await save_anchor(store, chosen, port.port)
            state = AnchorState(
                chosen.signing,
                chosen.link.packet_key,
                chosen.link.hints,
                [Contact(*contact) for contact in await store.contacts()],
                [SavedValue(*value) for value in await store.values()],
                chosen.name,
                None if chosen.in_log else chosen.link,
                chosen.link,
            )
            disk = AnchorDiskStore(store, chosen)
            node = AnchorNode(state, disk, port.send, self._clock, self._entropy, self._disk_failed)
            self._switchboard.control = node.datagram_received
            port.start()
            netlink = await stack.enter_async_context(open_netlink())
            table = table_of(self._name, is_anchor=True)
            streams = StreamService(node, port.port, config.relay_tls_port, self._entropy)
            about = lambda: True, netlink, table, streams
            lending = Lending(node.relay_host, config, *about, is_anchor=True)
            await lending.start()
            stack.push_async_callback(lending.close)
            mapping = PortMapping(
                partial(gateways_to_ask, netlink, "", config),
                port.port,
                chosen.signing,
                self._clock,
                self._entropy,
                lambda _: None,
                lending.at_router,
            )
            with ungrouped(MeshdhtError, ApiError):
                await self._serve(node, store, port, lending, mapping)

    async def _known(self, store: Store) -> KnownAnchor | None:
        """The anchor that is on disk; raises UsageError if it cannot do without a new link."""
        try:
            return await load_anchor(store)
        except LinkError as error:
            if self._link is not None:
                return None
            raise UsageError(
                f"anchor {self._name!r} needs a fresh link: {error.message}",
                "meshdht anchor link, on an admin's device, prints one; here:"
                " meshdht anchor run --link-file FILE",
            ) from None

    def _chosen(self, known: KnownAnchor | None, key: SigningKey | None) -> KnownAnchor:
        """The anchor that it was, with the link that holds now; raises UsageError or LinkError."""
        link = self._link
        if known is not None and (link is None or link.invite == known.link.invite):
            return known
        if link is None:
            raise UsageError(
                f"anchor {self._name!r} was never set up to the end", "give it a link again"
            )
        if known is not None:
            old = known.link
            if link.packet_key != old.packet_key and link.generation <= old.generation:
                raise UsageError(
                    f"anchor {self._name!r} serves another network, or this link is an old one",
                    "for a second network name a second anchor: --network NAME",
                )
        link.refuse_expired(self._clock.unix())
        signing = key or SigningKey.generate(self._entropy)
        name = link.suggested_name or (known.name if known else host_label())
        return KnownAnchor(signing, link, name, in_log=False)

    def _open_port(self, known: int) -> UdpPort:
        """The port asked for, or that of last time; else the usual one, or any that is free."""
        if number := self._asked_port or known:
            return self._bind(number)
        try:
            return self._bind(DEFAULT_PORT)
        except PlatformError:
            return self._bind(0)

    def _bind(self, number: int) -> UdpPort:
        return UdpPort(number, self._switchboard.control_received)

    async def _serve(
        self,
        node: AnchorNode,
        store: Store,
        port: UdpPort,
        lending: Lending,
        mapping: PortMapping,
    ) -> None:
        told = lending.status, mapping.report
        service = AnchorService(self._name, node, port, self._clock, self._stopping, *told)
        async with asyncio.TaskGroup() as tasks:
            live = [
                tasks.create_task(node.run()),
                tasks.create_task(store.run(self._disk_failed)),
                tasks.create_task(lending.run()),
                tasks.create_task(mapping.run()),
                tasks.create_task(_follow(mapping)),
            ]
            try:
                async with ApiServer(self._places.socket, service):
                    loop = asyncio.get_running_loop()
                    for number in (signal.SIGTERM, signal.SIGINT, HAND_OVER):
                        loop.add_signal_handler(number, self._stopping.set)
                    socket = str(self._places.socket)
                    self._reporter.ready(
                        Ready(network=self._name, socket=socket, device=str(node.id), addresses=())
                    )
                    log.info("up as %s on UDP port %d", node.id, port.port)
                    await self._stopping.wait()
                await node.save()
            finally:
                for task in live:
                    task.cancel()

    def _disk_failed(self, error: StateError) -> None:
        if error.message != self._disk_failure:
            self._disk_failure = error.message
            log.error("%s; going on from memory (%s)", error.message, error.hint)


async def _follow(mapping: PortMapping) -> None:
    """Another router, or another address of ours: ask for the port there."""
    async with ChangeWatch() as watch:
        while True:
            await watch.changed()
            mapping.network_changed(has_moved=False)


class AnchorService:
    """A ``Service``, as far as an anchor has an answer."""

    def __init__(
        self,
        name: str,
        node: AnchorNode,
        port: UdpPort,
        clock: SystemClock,
        stopping: asyncio.Event,
        relay_status: Callable[[], RelayStatus],
        router_ports: Callable[[], tuple[RouterPort, ...]],
    ) -> None:
        self._name = name
        self._node = node
        self._port = port
        self._clock = clock
        self._stopping = stopping
        self._relay_status = relay_status
        self._router_ports = router_ports
        self._started = clock.monotonic()

    async def answer(self, request: Single) -> Reply:
        match request:
            case GetAnchorStatus():
                return AnchorStatusReply(self.anchor_status())
            case Down():
                self._stopping.set()
                return Done()
        self._refuse()

    def stream(self, request: Streamed) -> AsyncIterator[Reply]:
        self._refuse()

    def anchor_status(self) -> AnchorStatus:
        dropped = dict(self._node.dropped)
        dropped |= {f"port_{each}": n for each, n in asdict(self._port.counters).items()}
        return AnchorStatus(
            anchor=self._name,
            id=str(self._node.id),
            records=self._node.records,
            contacts=self._node.contacts,
            daemon=__version__,
            uptime_s=round(self._clock.monotonic() - self._started, 1),
            listen_port=self._port.port,
            dropped={reason: count for reason, count in sorted(dropped.items()) if count},
            trouble=self._node.trouble,
            relay=self._relay_status(),
            router_ports=self._router_ports(),
        )

    def _refuse(self) -> NoReturn:
        raise UsageError(
            f"{self._name!r} is an anchor: it knows neither devices nor names",
            "meshdht anchor status shows what it holds; ask a device of the network for the rest",
        )


def launch_anchor(action: Anchor, request: LaunchRequest, reporter: Reporter) -> None:
    """Run an anchor until it is told to stop; raises as ``launch`` does."""
    run_to_the_end(AnchorLaunch(action, request, reporter).run, reporter.supervisor)
