"""From a launch request to a running daemon: what is created, joined or loaded, and undone."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path

from meshdht.api.errors import ApiError
from meshdht.api.launch import (
    Anchor,
    Backup,
    Create,
    Join,
    LaunchRequest,
    Reporter,
    Restore,
    Run,
    Tidy,
)
from meshdht.api.supervisor import Supervisor
from meshdht.clock import SystemClock, SystemEntropy
from meshdht.crypto.keys import PacketKey
from meshdht.daemon.carriers import Carrier
from meshdht.daemon.config import Config, read_config
from meshdht.daemon.daemon import Daemon
from meshdht.daemon.engines import make_carrier
from meshdht.daemon.founding import PendingKeys, found, join
from meshdht.daemon.local import refuse_local_overlap
from meshdht.daemon.logs import set_up_logging
from meshdht.daemon.persistence import (
    last_stream,
    listen_port,
    load,
    note_stream,
    save_new,
    stamps_after,
)
from meshdht.daemon.places import NetworkLock, Places
from meshdht.daemon.proxy import proxy_of
from meshdht.daemon.streams import StreamClient
from meshdht.daemon.switchboard import Switchboard
from meshdht.endpoint import Endpoint
from meshdht.errors import MeshdhtError, PlatformError, UsageError
from meshdht.membership.fold import fold
from meshdht.membership.link import Link, parse_link
from meshdht.membership.names import validate_label
from meshdht.membership.recovery import spell
from meshdht.net.netlink import Netlink, open_netlink
from meshdht.net.port import Port
from meshdht.node.ports import NodeState
from meshdht.store.store import Store

log = logging.getLogger(__name__)

# A device draws one of these when it is made, and keeps it. Were it the same for all, a router
# with two of them behind it would give one another port for some peers, as a symmetric NAT does.
OWN_PORTS = range(41822, 41900)
OWN_PORTS_TRIED = 4


class Launch:
    """One start of one network."""

    def __init__(self, request: LaunchRequest, reporter: Reporter) -> None:
        assert not isinstance(request.action, Anchor | Backup | Restore | Tidy)
        self._action = request.action
        self._reporter = reporter
        self._link: Link | None = None
        if isinstance(self._action, Join):
            self._link = parse_link(self._action.link)
            network = self._action.network or self._link.network_name
        else:
            network = self._action.network
        validate_label(network, "network name")
        self._places = Places(Path(request.state_dir), Path(request.runtime_dir), network)
        self._clock = SystemClock()
        self._entropy = SystemEntropy()
        self._switchboard = Switchboard()
        self._is_kept = False
        """What was written down is worth keeping, whatever fails from here on."""

    async def run(self) -> None:
        """Bring the network up and serve it; raises MeshdhtError or ApiError."""
        async with AsyncExitStack() as stack:
            if isinstance(self._action, Run):
                self._places.refuse_absent()
            else:
                stack.enter_context(self._undone_on_failure())
            stack.enter_context(NetworkLock(self._places))
            config = read_config(self._places.config)
            set_up_logging(self._reporter, self._places, config.log_level)
            try:
                if await self._serve(config):
                    await self._serve_again()
            except (MeshdhtError, ApiError) as error:
                if self._reporter.is_ready:
                    # Whoever started us has gone: the log is where this will be looked for.
                    log.error("%s (%s)", error.message, error.hint)
                raise

    async def _serve(self, config: Config) -> bool:
        """Run a daemon until it ends; whether it is to be started again from the disk."""
        async with AsyncExitStack() as stack:
            netlink = await stack.enter_async_context(open_netlink())
            # Early: who may not make an interface shall not use up an invite either.
            carrier = await make_carrier(
                config,
                self._places,
                netlink,
                self._switchboard,
                adopts=isinstance(self._action, Run),
            )
            stack.push_async_callback(carrier.close)
            daemon = await self._compose(stack, config, netlink, carrier)
            await daemon.run(self._reporter, self._is_up)
        return daemon.is_to_restart

    async def _serve_again(self) -> None:
        """Its device has other keys now, and they are on disk: go on by them."""
        self._action = Run(network=self._places.network)
        try:
            self._let_be_cancelled()
            while await self._serve(read_config(self._places.config)):
                self._let_be_cancelled()
        except asyncio.CancelledError:
            # It was up when this was asked, and goes down as any that is.
            log.info("going down before it was up again")

    @staticmethod
    def _let_be_cancelled() -> None:
        """Signals end this task until there is a daemon again that they can stop."""
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)

    def _is_up(self) -> None:
        self._is_kept = True

    async def _compose(
        self, stack: AsyncExitStack, config: Config, netlink: Netlink, carrier: Carrier
    ) -> Daemon:
        match self._action:
            case Create() as create:
                identity, log, key = await found(create, netlink, self._clock, self._entropy)
                self._reporter.keep_recovery_key(spell(key))
                state = NodeState(identity, log)
                port = await self._open_new_port(stack, carrier, create.listen_port, config)
                streams = await self._open_streams(stack, port, config)
                store = await stack.enter_async_context(Store.open(self._places.database))
                await save_new(store, identity, log, port.port)
            case Join() as request:
                port = await self._open_new_port(stack, carrier, request.listen_port, config)
                streams = await self._open_streams(stack, port, config)
                state, store = await self._join(stack, request, port, streams, netlink)
            case Run():
                store = await stack.enter_async_context(Store.open(self._places.database))
                state = await load(store)
                # Before anything is written.
                fold(state.log).refuse_newer()
                port = await open_port(stack, carrier, await known_port(store, config))
                streams = await self._open_streams(
                    stack,
                    port,
                    config,
                    await last_stream(store),
                    state.identity.generation.secret.packet_key,
                )
        stack.push_async_callback(lambda: note_stream(store, streams.server))
        port.start()
        return Daemon(
            self._places,
            state,
            store,
            port,
            self._switchboard,
            netlink,
            carrier,
            streams,
            self._clock,
            self._entropy,
            config=config,
            stamps_after=await stamps_after(store, self._clock.unix()),
            wait_connected=isinstance(self._action, Join),
        )

    async def _open_streams(
        self,
        stack: AsyncExitStack,
        port: Port,
        config: Config,
        last: Endpoint | None = None,
        key: PacketKey | None = None,
    ) -> StreamClient:
        proxy = proxy_of(config.http_proxy)
        client = StreamClient(port.port, self._clock, self._entropy, proxy, last, key)
        return await stack.enter_async_context(client)

    async def _join(
        self,
        stack: AsyncExitStack,
        request: Join,
        port: Port,
        streams: StreamClient,
        netlink: Netlink,
    ) -> tuple[NodeState, Store]:
        assert self._link is not None
        # Before asking: an invite that lets in a device which cannot use it would be wasted.
        await refuse_local_overlap(netlink, self._link.ipv4_range, excluding="")
        self._reporter.progress("asking to be let in")
        pending = PendingKeys(self._places.state_dir, self._link)
        port.start()
        joined = await join(
            request,
            self._link,
            pending,
            port,
            streams,
            self._switchboard,
            self._clock,
            self._entropy,
            self._reporter,
        )
        store = await stack.enter_async_context(Store.open(self._places.database))
        hints = self._link.places
        await save_new(store, joined.identity, joined.log, port.port, hints)
        self._is_kept = True
        pending.forget()
        peers = [(joined.member, joined.endpoint)]
        state = NodeState(joined.identity, joined.log, peers, hints, told_unix=joined.unix)
        return state, store

    async def _open_new_port(
        self, stack: AsyncExitStack, carrier: Carrier, asked: int | None, config: Config
    ) -> Port:
        """The port asked for; else one of OWN_PORTS, or any free one where those are taken."""
        chosen = asked if asked is not None else config.listen_port
        if chosen is not None:
            return await open_port(stack, carrier, chosen)
        for _ in range(OWN_PORTS_TRIED):
            drawn = int.from_bytes(self._entropy.token(4), "big") % len(OWN_PORTS)
            with suppress(PlatformError):
                return await open_port(stack, carrier, OWN_PORTS[drawn])
        return await open_port(stack, carrier, 0)

    # --- state -------------------------------------------------------------------------------

    @contextmanager
    def _undone_on_failure(self) -> Iterator[None]:
        """A network that could not be set up leaves nothing; one that was there is refused."""
        if self._places.database.exists():
            raise UsageError(
                f"network {self._places.network!r} exists on this machine already",
                "meshdht up brings it up; or choose another name; or, if this device is out of it,"
                f" remove what is left: meshdht forget --network {self._places.network}",
            )
        self._places.make_directory()
        try:
            yield
        except BaseException:
            if not self._is_kept:
                self._places.remove_new_files()
            raise


async def open_port(stack: AsyncExitStack, carrier: Carrier, number: int) -> Port:
    port = await carrier.open_port(number)
    stack.callback(port.close)
    return port


async def known_port(store: Store, config: Config) -> int:
    """What the configuration says, else what was chosen when the network was set up."""
    return config.listen_port if config.listen_port is not None else await listen_port(store)


def launch(request: LaunchRequest, reporter: Reporter) -> None:
    """Run until the network goes down; raises MeshdhtError or ApiError, or CancelledError when
    the process is told to end before the network is up."""
    run_to_the_end(Launch(request, reporter).run, reporter.supervisor)


def run_to_the_end(work: Callable[[], Coroutine[None, None, None]], supervisor: Supervisor) -> None:
    """Run a daemon; SIGTERM cancels it until it is up and has a handler of its own."""

    async def run() -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        supervisor.keep_alive(loop)
        await work()

    asyncio.run(run())
