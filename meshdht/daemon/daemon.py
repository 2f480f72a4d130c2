"""The daemon of one network: composes node, engine, port, interface, store and API.

Everything is entered on one stack and left in the reverse order, so that whatever fails or
stops, no interface, route, socket or lock outlives the process.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from meshdht.api.errors import ApiError
from meshdht.api.launch import Ready, Reporter
from meshdht.api.server import ApiServer
from meshdht.clock import Clock, Entropy
from meshdht.crypto.keys import DeviceId
from meshdht.daemon.administering import addresses_of
from meshdht.daemon.carriers import Carrier
from meshdht.daemon.clocks import ClockLog
from meshdht.daemon.config import Config
from meshdht.daemon.connecting import wait_connected
from meshdht.daemon.dropped import dropped_counts
from meshdht.daemon.interface import TunnelInterface
from meshdht.daemon.lending import Lending, table_of
from meshdht.daemon.live_settings import LiveSettings
from meshdht.daemon.metrics_server import MetricsServer
from meshdht.daemon.naming import Naming
from meshdht.daemon.outcast import told_out, why_out
from meshdht.daemon.path_sizes import PathSizes
from meshdht.daemon.persistence import DiskStore
from meshdht.daemon.places import Places
from meshdht.daemon.port_mapping import PortMapping, gateways_to_ask
from meshdht.daemon.service import DaemonService
from meshdht.daemon.stream_service import StreamService
from meshdht.daemon.streams import StreamClient
from meshdht.daemon.stun_server import make_stun
from meshdht.daemon.surroundings import Surroundings
from meshdht.daemon.switchboard import Switchboard
from meshdht.daemon.traffic import TrafficWatch
from meshdht.daemon.tunnels import Tunnels
from meshdht.endpoint import Endpoint
from meshdht.errors import MeshdhtError, StateError, ungrouped
from meshdht.membership.outcasts import Verdict
from meshdht.membership.roster import Device
from meshdht.net.changes import ChangeWatch
from meshdht.net.echo import answered
from meshdht.net.gateway import Gateway
from meshdht.net.leg import LegSockets
from meshdht.net.netlink import Netlink
from meshdht.net.port import Port
from meshdht.node.nearby import Nearby
from meshdht.node.node import Node
from meshdht.node.ports import NodeState
from meshdht.store.store import Store

log = logging.getLogger(__name__)

# Ends a daemon that another one follows at once: what carries traffic without it stays.
HAND_OVER = signal.SIGUSR2


class Daemon:
    """A network that is up. Implements ``NodeObserver``."""

    def __init__(
        self,
        places: Places,
        state: NodeState,
        store: Store,
        port: Port,
        switchboard: Switchboard,
        netlink: Netlink,
        carrier: Carrier,
        streams: StreamClient,
        clock: Clock,
        entropy: Entropy,
        *,
        config: Config,
        stamps_after: float,
        wait_connected: bool,
    ) -> None:
        """``stamps_after``: Unix seconds that date the first handshakes, or later;
        ``wait_connected``: ready only once another device is reached."""
        self._places = places
        self._store = store
        self._port = port
        self._netlink = netlink
        self._carrier = carrier
        self._streams = streams
        self._wait_for_peer = wait_connected
        self._stopping = asyncio.Event()
        self._connected = asyncio.Event()
        self._fatal: MeshdhtError | None = None
        self._surroundings: Surroundings | None = None
        self._disk_failure = ""
        self.is_to_restart = False
        """It ends because its device has other keys; the state on disk has them."""
        self._clock = clock
        self._clock_log = ClockLog()
        self._config = config
        self._entropy = entropy
        disk = DiskStore(store, state.identity.signing.log_key)
        self._legs = LegSockets(port.port, lambda *came: self.node.elsewhere_received(*came))
        self.node = Node(state, disk, port.send, clock, entropy, self, self._legs)
        self._interface = self._make_interface()
        self._nearby = Nearby(state.identity, port.port, self.node.time, entropy)
        self._engine = carrier.make_engine(
            state.identity.wireguard,
            port,
            clock=self.node.time,
            stamps_after=stamps_after,
            on_event=lambda event: self._tunnels.wireguard_event(event),
        )
        seen = (lambda: self.node.roster), self._own, lambda: carrier.interface
        self._naming = Naming(config, *seen, clock, places.resolvconf)
        self._path_sizes = self._make_path_sizes()
        self._stun = make_stun(config.stun, port, self.node.seen_from, entropy)
        self._traffic = TrafficWatch(self.node, self._engine, clock)
        self._tunnels = Tunnels(self.node, self._engine, self.node.time, self._tunnel_used)
        self._lending = self._make_lending()
        of_ours = port.port, state.identity.signing, clock, entropy
        told = self._mapped, self._lending.at_router
        self._port_mapping = PortMapping(self._gateways, *of_ours, *told)
        self._settings = LiveSettings(places.network, places.config, config, self._settings_changed)
        self.service = self._make_service()
        self._metrics = MetricsServer(self.service.glance)
        switchboard.control = self.node.datagram_received

    def _make_path_sizes(self) -> PathSizes:
        return PathSizes(
            self.node,
            lambda to, sizes, wait_s: answered(
                self._carrier.interface, to, sizes, wait_s, self._entropy
            ),
            lambda: self._interface.mtu,
            self._limits_changed,
            self._clock,
        )

    def _make_lending(self) -> Lending:
        return Lending(
            self.node.relay_host,
            self._config,
            lambda: self.node.is_public,
            self._netlink,
            table_of(self._places.network, is_anchor=False),
            StreamService(self.node, self._port.port, self._config.relay_tls_port, self._entropy),
        )

    def _make_interface(self) -> TunnelInterface:
        return TunnelInterface(
            self._netlink,
            self._carrier,
            self._config,
            lambda: self.node.roster,
            self._own,
            lambda: self._path_sizes.limits(),
        )

    def _make_service(self) -> DaemonService:
        return DaemonService(
            self._places.network,
            self.node,
            self._engine,
            self._carrier.why,
            lambda: self._carrier.interface,
            self._port.port,
            self._clock,
            self._entropy,
            self._places.directory,
            self._port_mapping.report,
            self._path_sizes.limit,
            self._dropped,
            self._traffic.past,
            self._lending.status,
            self._settings,
            self._streams,
            self._naming.status,
            self._port.errors.of,
            self._stop,
            self._restart,
        )

    # --- NodeObserver ------------------------------------------------------------------------

    def roster_changed(self) -> None:
        try:
            self.node.roster.refuse_newer()
        except StateError as error:
            # What we cannot judge may be a revocation: better no tunnels than stale ones.
            self._end(error)
        out = why_out(self.node, self._places)
        if out is not None and not self.node.is_ending:
            self._end(out)
        self._tunnels.roster_changed()
        self.service.roster_changed()

    def put_out(self, verdict: Verdict) -> None:
        if not self.node.is_ending:
            self._end(told_out(self.node, self._places, verdict))

    def _end(self, error: StateError) -> None:
        self._fatal = error
        self._stopping.set()

    def _stop(self) -> None:
        self.is_to_restart = False
        self._stopping.set()

    def _restart(self) -> None:
        if not self._stopping.is_set():
            self.is_to_restart = True
            self._stopping.set()

    def _hand_over(self) -> None:
        self._carrier.leave()
        self._port_mapping.leave()
        self.node.stay_bound()
        self._stop()

    def path_changed(self, device: DeviceId) -> None:
        self._tunnels.path_changed(device)
        self._path_sizes.path_changed()
        self.service.path_changed(device)
        if self.node.path(device).endpoint is not None:
            self._connected.set()

    def seen_elsewhere(self) -> None:
        self._port_mapping.seen_elsewhere()

    def clocks_judged(self) -> None:
        # Later: the node is in the middle of asking what time it is.
        asyncio.get_running_loop().call_soon(self._tell_clocks)

    def _tell_clocks(self) -> None:
        self._clock_log.tell(self.node, self._clock.monotonic())
        self.service.feed.touch()

    def disk_failed(self, error: StateError) -> None:
        if error.message != self._disk_failure:
            self._disk_failure = error.message
            log.error("%s; going on from memory (%s)", error.message, error.hint)

    # --- life --------------------------------------------------------------------------------

    async def run(self, reporter: Reporter, on_up: Callable[[], None]) -> None:
        """Serve until told to stop; reports Ready, or raises what keeps it from that."""
        self.node.roster.refuse_newer()
        async with AsyncExitStack() as stack:
            await self._interface.configure()
            await self._lending.start()
            stack.push_async_callback(self._lending.close)
            stack.callback(self._legs.close_all)
            watch = await stack.enter_async_context(ChangeWatch())
            self._surroundings = surroundings = self._look_around()
            stack.callback(surroundings.close)
            await surroundings.look()
            await self._metrics.start(self._config.metrics_port)
            stack.push_async_callback(self._metrics.close)
            self._streams.serve(self.node)
            with ungrouped(MeshdhtError, ApiError):
                async with asyncio.TaskGroup() as tasks:
                    node = tasks.create_task(self.node.run())
                    # It finds its peers while the engine's process starts.
                    await self._engine.start()
                    stack.push_async_callback(self._engine.close)
                    await self._tunnels.reconcile()
                    live = [
                        node,
                        tasks.create_task(self._tunnels.run()),
                        tasks.create_task(self._store.run(self.disk_failed)),
                        tasks.create_task(surroundings.run(watch)),
                        tasks.create_task(self._interface.mend()),
                        tasks.create_task(self._carrier.run()),
                        tasks.create_task(self._path_sizes.run()),
                        tasks.create_task(self._traffic.run()),
                        tasks.create_task(self._stun.run()),
                        tasks.create_task(self._port_mapping.run()),
                        tasks.create_task(self._lending.run()),
                        tasks.create_task(self._naming.run()),
                    ]
                    try:
                        await self._serve(reporter, on_up)
                        await self.node.let_go()
                        await self._save()
                    finally:
                        for task in live:
                            task.cancel()

    async def _serve(self, reporter: Reporter, on_up: Callable[[], None]) -> None:
        if self._wait_for_peer:
            await wait_connected(self._connected, self._places.network, reporter)
        await self._naming.settled()
        own = self._own()
        # Before anybody hears that we are up, and may ask us to end.
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(HAND_OVER, self._hand_over)
        async with ApiServer(self._places.socket, self.service):
            on_up()
            reporter.ready(
                Ready(
                    network=self._places.network,
                    socket=str(self._places.socket),
                    device=own.name,
                    addresses=addresses_of(own),
                )
            )
            log.info("up as %s on UDP port %d", own.id, self._port.port)
            await self._stopping.wait()
            if self._fatal is None:
                log.info("starting again" if self.is_to_restart else "going down")

    async def _save(self) -> None:
        """Write down what is only in memory; raises what ends us, which the next start is to know
        from the disk as well."""
        try:
            await self.node.save()
        except StateError:
            if self._fatal is None:
                raise
        if self._fatal is not None:
            raise self._fatal

    def _own(self) -> Device:
        if (out := why_out(self.node, self._places)) is not None:
            raise out
        own = self.node.own
        assert own is not None
        return own

    # --- surroundings ------------------------------------------------------------------------

    def _tunnel_used(self, device: DeviceId) -> None:
        self._path_sizes.used(device)
        self._traffic.used()

    async def _limits_changed(self) -> None:
        await self._interface.set_limits()
        self.service.feed.touch()

    async def _changed_around(self, has_moved: bool) -> None:
        await self._interface.fit()
        self._port_mapping.network_changed(has_moved=has_moved)
        self._naming.network_changed(has_moved=has_moved)
        self._stun.network_changed()
        if has_moved:
            self._path_sizes.network_changed()

    async def _gateways(self) -> Sequence[Gateway]:
        return await gateways_to_ask(self._netlink, self._carrier.interface, self._settings.config)

    def _mapped(self, outer: Sequence[Endpoint]) -> None:
        self.node.set_mapped(outer)
        self.service.feed.touch()

    def _look_around(self) -> Surroundings:
        return Surroundings(
            self.node,
            self._nearby,
            self._netlink,
            self._port.port,
            lambda: self._carrier.interface,
            self._changed_around,
            self._config,
            self._entropy,
        )

    def _dropped(self) -> dict[str, int]:
        routers, stun = self._port_mapping, self._stun
        around = self._nearby, self._legs, self._port, routers, stun, self._naming
        return dropped_counts(self.node, *around, self._carrier)

    async def _settings_changed(self, config: Config) -> None:
        await self._metrics.serve_at(config.metrics_port)
        await self._interface.use(config)
        if self._surroundings is not None:
            await self._surroundings.use(config)
        self._port_mapping.network_changed(has_moved=False)
        self._naming.use(config)
        self._stun.use(config.stun)
        await self._lending.use(config)
        logging.getLogger().setLevel(config.log_level.upper())
