"""`sevenfold serve`: the hub, its two helpers and the HTTP server, from start to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import uvicorn

from ..channels.outside import permit
from ..clock import Clock, SystemClock
from ..engine.definition import record_of
from ..errors import SettingsError
from ..log.base import NewControl
from ..log.sqlite import SqliteLog
from ..settings import Settings
from ..warehouse import FILE as WAREHOUSE_FILE
from ..workspace.models import Workspace
from .app import App, make_app
from .children import Child
from .history import History, HistoryWriter
from .hub import Hub
from .ingest import BoundedProtocol
from .keys import Keys
from .learning.line import LEARNING, LearningOptions
from .measures.line import WAREHOUSE, WarehouseOptions
from .members import Members
from .options import DELIVERY, FOLD, DeliveryOptions, FoldOptions
from .past import Bringing
from .process import give_way, settle
from .quick_clock import QuickClock
from .secrets import SecretBox
from .services import Services

log = logging.getLogger("sevenfold.serve")
LOG_FOLDER: Final = "log"
SNAPSHOTS_FOLDER: Final = "snapshots"
_MINUTE_MS: Final = 60_000
_CONNECTIONS_MAX: Final = 20_000
_BACKLOG: Final = 4_096
_KEEP_ALIVE_S: Final = 75
_WAREHOUSE_AFTER_S: Final = 3.0


class ListenError(SettingsError):
    """The address is taken, or none of this machine's."""

    code = "cannot_listen"


class Started(msgspec.Struct):
    """What a started service says: where it listens, keys that were made for the first start, and while there
    is no member yet, the token with which the first admin is made.
    """

    url: str
    write_key: str = ""
    api_key: str = ""
    setup_token: str = ""


class Service:
    """One running service in one data folder."""

    def __init__(
        self, settings: Settings, workspace: Workspace | None = None, *, clock: Clock | None = None
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self._workspace = workspace
        self._url = ""
        self._socket_folder = Path(tempfile.mkdtemp(prefix="sevenfold-"))
        self._stop = asyncio.Event()
        self._forget = asyncio.Event()
        """Set while there is nothing in the warehouse that has to go."""
        self._forget.set()
        self.started: asyncio.Future[Started] = asyncio.get_running_loop().create_future()

    @property
    def live(self) -> Hub:
        """The hub, once it is there."""
        return self._hub

    @property
    def log_folder(self) -> Path:
        """Where the log lies."""
        return self.settings.data_folder / LOG_FOLDER

    async def run(self) -> None:
        """Serves until `stop` is called or a signal comes. Raises SevenfoldError when it cannot start."""
        folder, settings = self.settings.data_folder, self.settings
        permit(settings.outgoing_networks)
        with _listening(settings) as self._listener:
            port = self._listener.getsockname()[1]
            host = settings.host if settings.host != "0.0.0.0" else "127.0.0.1"  # noqa: S104
            # Messages have it, unless the settings say where people reach the service.
            self._url = f"http://{host}:{port}"
            await self._run(folder, settings)

    async def _run(self, folder: Path, settings: Settings) -> None:
        store = SqliteLog(self.log_folder, self.clock, segment_bytes=settings.log_segment_bytes)
        try:
            # Makes the file, and says how far it is.
            writer = HistoryWriter(folder)
            self._through = writer.through
            writer.close()
            keys = self._keys = Keys(
                folder,
                self.clock,
                api_rate_per_s=settings.api_rate_per_s,
                write_rate_per_s=settings.write_rate_per_s,
            )
            secrets = SecretBox.of_folder(folder)
            history = History(folder, store)
            self._hub = hub = Hub(store, self.clock, waiting_bytes=settings.waiting_bytes, seen=self._through)
            services = Services(
                live=hub,
                log=store,
                history=history,
                keys=keys,
                secrets=secrets,
                settings=settings,
                clock=self.clock,
                warehouse=str(self._socket_folder / "warehouse.sock"),
                forget_warehouse=self._forget_warehouse,
            )
            try:
                await self._serve(hub, services, keys)
            finally:
                history.close()
                keys.close()
        finally:
            store.close()
            shutil.rmtree(self._socket_folder, ignore_errors=True)
            if not self.started.done():
                self.started.cancel()

    async def _serve(self, hub: Hub, services: Services, keys: Keys) -> None:
        place = self._socket_folder / "hub.sock"
        await hub.start(place)
        self.fold = Child("fold", FOLD, lambda: self._fold_options(hub, place))
        self.delivery = Child("delivery", DELIVERY, lambda: self._delivery_options(place))
        if services.log.next_position == 0 and self._workspace is not None:
            await hub.append([NewControl(record_of(self._workspace))])
        self.fold.start()
        self.delivery.start()
        self.warehouse = Child("warehouse", WAREHOUSE, self._warehouse_options)
        refolding = asyncio.create_task(self._refold(hub), name="refold")
        beside = asyncio.create_task(self._start_warehouse(), name="warehouse")
        self.learning = Child("learning", LEARNING, lambda: self._learning_options(place))
        learning = asyncio.create_task(self._start_learning(), name="learning")
        bringing = asyncio.create_task(Bringing(hub, self.log_folder).run(), name="past")
        app = make_app(services)
        server = _server(app, self.settings)
        with _signals(self._stop.set):
            serving = asyncio.create_task(server.serve([self._listener]), name="http")
            stopping = asyncio.create_task(self._stop.wait(), name="stop")
            try:
                await self._say_started(server, serving, keys)
                await asyncio.wait({serving, stopping}, return_when="FIRST_COMPLETED")
            finally:
                # Clients come again, and find whoever serves then.
                app.ingest.drain()
                refolding.cancel()
                beside.cancel()
                learning.cancel()
                self.learning.ending()
                self.learning.again()
                bringing.cancel()
                self.warehouse.ending()
                self.warehouse.again()
                stopping.cancel()
                self.fold.ending()
                self.delivery.ending()
                server.should_exit = True
                await asyncio.wait({serving}, timeout=self.settings.stop_seconds)
                await hub.stop(self.settings.stop_seconds)
                await self.delivery.end(2)
                await self.warehouse.end(2)
                await self.learning.end(2)
                await self.fold.end(self.settings.stop_seconds)
        if serving.done() and not serving.cancelled():
            serving.result()

    async def _say_started(self, server: uvicorn.Server, serving: asyncio.Task[None], keys: Keys) -> None:
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if serving.done():
            return
        started = Started(self._url)
        if not keys.list():
            started.write_key = keys.make_write_key("website", "made at the first start").secret
            started.api_key = keys.make_api_key("made at the first start", "admin").secret
        members = Members(keys.store, self.clock)
        if not members.any():
            started.setup_token = members.invite().token
        self.started.set_result(started)

    async def _refold(self, hub: Hub) -> None:
        while True:
            await hub.refold.wait()
            hub.refold.clear()
            self.fold.again()

    def stop(self) -> None:
        """Ends the service in order."""
        self._stop.set()

    async def _start_warehouse(self) -> None:
        """The start of the service belongs to those who decide and send."""
        await asyncio.sleep(_WAREHOUSE_AFTER_S)
        self.warehouse.start()

    async def _start_learning(self) -> None:
        if self.settings.learning:
            await asyncio.sleep(self.settings.learning_after_s)
            self.learning.start()

    def _learning_options(self, place: Path) -> str:
        options = LearningOptions(socket=str(place), log_folder=str(self.log_folder), hub=os.getpid())
        return msgspec.json.encode(options).decode()

    async def _forget_warehouse(self) -> None:
        """Deletes the warehouse between two lives of its process, which makes it again from the log. Rows
        that are deleted stay in its file until others take their place, so whoever is erased leaves it in
        this way.
        """
        self._forget.clear()
        if self.warehouse.pid is None:
            self._delete_warehouse()
        else:
            self.warehouse.again()
            await self._forget.wait()

    def _delete_warehouse(self) -> None:
        for name in (WAREHOUSE_FILE, f"{WAREHOUSE_FILE}.wal"):
            (self.settings.data_folder / name).unlink(missing_ok=True)
        self._forget.set()

    def _warehouse_options(self) -> str:
        if not self._forget.is_set():
            self._delete_warehouse()
        place = self._socket_folder / "warehouse.sock"
        place.unlink(missing_ok=True)
        options = WarehouseOptions(
            socket=str(place),
            data_folder=str(self.settings.data_folder),
            log_folder=str(self.log_folder),
            hub=os.getpid(),
        )
        return msgspec.json.encode(options).decode()

    def _fold_options(self, hub: Hub, place: Path) -> str:
        settings = self.settings
        options = FoldOptions(
            socket=str(place),
            log_folder=str(self.log_folder),
            snapshots_folder=str(settings.data_folder / SNAPSHOTS_FOLDER),
            snapshot_ms=settings.snapshot_minutes * _MINUTE_MS,
            snapshots_kept=settings.snapshots_kept,
            emitted_max=hub.seen,
            owners_folder=str(settings.data_folder),
        )
        return msgspec.json.encode(options).decode()

    def _delivery_options(self, place: Path) -> str:
        settings = self.settings
        options = DeliveryOptions(
            socket=str(place),
            data_folder=str(settings.data_folder),
            log_folder=str(self.log_folder),
            public_url=settings.public_url or self._url,
            outgoing_networks=settings.outgoing_networks,
            pace=self.clock.pace if isinstance(self.clock, QuickClock) else None,
        )
        return msgspec.json.encode(options).decode()


class _Server(uvicorn.Server):
    """Signals are ours: the service ends in an order that uvicorn does not know."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(app: App, settings: Settings) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        loop="none",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        limit_concurrency=_CONNECTIONS_MAX,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.stop_seconds,
    )
    return _Server(config)


def _listening(settings: Settings) -> socket.socket:
    """The socket that HTTP is served on. Raises ListenError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        fix = "choose another with --host and --port, or stop what listens there"
        where = f"{settings.host}:{settings.port}"
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ListenError(f"the service cannot listen: {why}", where=where, fix=fix) from error


@contextlib.contextmanager
def _signals(stop: Callable[[], Any]) -> Iterator[None]:
    """Interrupt and termination mean stop; outside the main thread, signals are not ours."""
    loop = asyncio.get_running_loop()
    taken = []
    for one in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(one, stop)
            taken.append(one)
    try:
        yield
    finally:
        for one in taken:
            loop.remove_signal_handler(one)


async def serve(settings: Settings, workspace: Workspace | None, say: Callable[[Started], None]) -> None:
    """Serves until told to stop; `say` hears where it listens. Raises SevenfoldError."""
    service = Service(settings, workspace)
    give_way()

    def tell(started: asyncio.Future[Started]) -> None:
        if not started.cancelled():
            settle()
            say(started.result())

    service.started.add_done_callback(tell)
    await service.run()
