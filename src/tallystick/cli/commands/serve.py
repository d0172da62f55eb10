"""`tallystick serve` and `tallystick worker`: the long-running processes."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import structlog
import typer

from tallystick import __version__
from tallystick.cli.common_options import TOLD
from tallystick.cli.console import complain, run_until_stopped, settings_of_process, tell, while_running
from tallystick.cli.database_guard import check_same_database, no_database_yet
from tallystick.cli.serving.connections import limits_of
from tallystick.cli.serving.http_server import STOP_SECONDS, check_port, listening
from tallystick.cli.serving.manager import READY, STOPPING, handed_socket, listener_of, tell_manager
from tallystick.cli.serving.peer_processes import MoreProcesses, more_processes, until_the_parent_is_gone
from tallystick.cli.serving.running_services import told_to_others
from tallystick.client.fps import COBRANDED_PATH
from tallystick.db.connections import UNAVAILABLE
from tallystick.db.database import CALL_SECONDS, until_it_answers
from tallystick.services.context import Service
from tallystick.services.operations import audit_chains
from tallystick.services.operations.configuration import exposure_warnings, role_warnings
from tallystick.services.process.heartbeat import Heartbeat
from tallystick.services.process.peer_processes import PeerProcesses
from tallystick.settings import Settings
from tallystick.wiring import NoDatabaseYetError, asgi_app, exporting_metrics, make_worker, open_service

_log = structlog.get_logger(__name__)

_LAST_ANCHOR_SECONDS: Final = 2

Loop = Callable[[asyncio.Event], Coroutine[None, None, None]]
"""Runs until the event is set."""


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; else as TALLYSTICK_HOST says.")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port to listen on; else as TALLYSTICK_PORT says.")
    ] = None,
    worker: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Run the worker in this process too, or leave it to others.")
    ] = True,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer on this port.")] = 1,
    beside: Annotated[Path | None, typer.Option("--beside", hidden=True)] = None,
    descriptor: Annotated[int | None, typer.Option("--listener", hidden=True)] = None,
) -> None:
    """Run the service: database where none is configured, API, hosted pages, worker. Ctrl-C or SIGTERM stops it."""
    settings = settings_of_process(quiet=False)
    default_url = settings.public_url == f"http://127.0.0.1:{settings.port}"
    listener = handed_socket(os.environ) if descriptor is None else listener_of(descriptor)
    if listener is not None:
        host, port = listener.getsockname()[:2]
    settings = replace(
        settings,
        host=host or settings.host,
        port=port or settings.port,
        public_url="" if default_url else settings.public_url,
    )
    if beside is not None:
        run_until_stopped(_serve_beside(settings, beside, listener))
        return
    run_until_stopped(_serve(settings, workers, listener, with_worker=worker))
    _log.info("service_stopped", process=os.getpid())


async def _serve_beside(settings: Settings, place: Path, listener: socket.socket | None) -> None:
    """One of several processes on a port, which ends with the one that started it.

    `place`: of the socket where it is asked what it counted.
    """
    parent = asyncio.create_task(until_the_parent_is_gone())
    async with (
        open_service(settings, peers=PeerProcesses(place.parent, place.name)) as service,
        _told_by(parent, service),
        exporting_metrics(service),
        beating(service, "API") as beat,
        _listening(service, listener, shared=True) as server,
        _drained(service),
    ):
        await asyncio.wait((parent, server, beat), return_when=asyncio.FIRST_COMPLETED)
        if not parent.done():
            await while_running(server, beat)
    rmtree(place.parent, ignore_errors=True)  # whoever made it may have been killed


async def _serve(settings: Settings, workers: int, listener: socket.socket | None, *, with_worker: bool) -> None:
    if listener is None:
        check_port(settings.host, settings.port)  # before a database is started in vain
    async with AsyncExitStack() as stack:
        peers = PeerProcesses()
        if workers > 1:
            peers = PeerProcesses(Path(stack.enter_context(TemporaryDirectory(prefix="tallystick-"))))
        service = await stack.enter_async_context(open_service(settings, peers=peers))
        await stack.enter_async_context(exporting_metrics(service))
        await stack.enter_async_context(anchored(service))
        server = await stack.enter_async_context(_listening(service, listener))
        again = [*_same_file(), "serve", "--host", settings.host, "--port", str(settings.port)]
        handed = [] if listener is None else [listener.fileno()]
        if listener is not None:
            again += ["--listener", str(listener.fileno())]
        commands = [(*again, "--beside", f"{peers.directory}/{number}") for number in range(1, workers)]
        others = await stack.enter_async_context(more_processes(commands, handed))
        tasks = [server, *others.tasks]
        if with_worker:
            tasks.append(await stack.enter_async_context(working(service)))
        tasks.append(await stack.enter_async_context(beating(service, "API and worker" if with_worker else "API")))
        stack.enter_context(told_to_others(settings))
        await _tell_log_of_role(service)
        for warning in exposure_warnings(settings):
            complain(f"WARNING: {warning}")
        tell(f"Tallystick serves {settings.public_url}")
        tell(f"  query API     {settings.public_url}/")
        tell(f"  hosted pages  {settings.public_url}{COBRANDED_PATH}")
        tell(
            f"  database      {'configured server' if settings.database_url else settings.data_directory / 'postgres'}"
        )
        tell(f"  worker        {'in this process' if with_worker else 'not here'}")
        if workers > 1:
            tell(f"  processes     {workers}")
        address = f"{settings.host} port {settings.port}"
        _log.info(
            "service_started",
            version=__version__,
            process=os.getpid(),
            address=address,
            processes=workers,
            worker=with_worker,
        )
        tell_manager(READY, os.environ)
        async with _drained(service, others):
            await while_running(*tasks)


def _listening(
    service: Service, listener: socket.socket | None, *, shared: bool = False
) -> AbstractAsyncContextManager[asyncio.Task[None]]:
    settings = service.settings
    return listening(
        asgi_app(service),
        settings.host,
        settings.port,
        shared=shared,
        limits=limits_of(settings),
        listener=listener,
        stop_seconds=max(STOP_SECONDS, min(CALL_SECONDS, settings.drain_seconds)),
        gently=settings.drain_seconds > 0,
        direct=settings.direct_http,
        place=service.peers.directory,  # whoever is left removes it when one of them is killed
    )


@asynccontextmanager
async def _drained(service: Service, others: MoreProcesses | None = None) -> AsyncIterator[None]:
    """What serves, in the middle. When it is told to end, it goes on for as long as the settings say, and says so.

    `/readyz` answers 503 then, and each answer closes its connection. Told once more, it ends at once.
    """
    try:
        yield
    except asyncio.CancelledError:
        await _drain(service, others)
        raise
    await _drain(service, others)


@asynccontextmanager
async def _told_by(parent: asyncio.Task[None], service: Service) -> AsyncIterator[None]:
    """The end begins with that of the parent, also where this process does not even listen yet."""

    def begin(_: asyncio.Task[None]) -> None:
        service.ending.begun = True

    parent.add_done_callback(begin)
    try:
        yield
    finally:
        parent.remove_done_callback(begin)


async def _drain(service: Service, others: MoreProcesses | None) -> None:
    seconds = service.settings.drain_seconds
    service.ending.begun = True
    if others is not None:
        _log.info("service_stopping", process=os.getpid(), drain_seconds=seconds)
        tell_manager(STOPPING, os.environ)
        others.let_go()
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        if others is not None:
            others.hurry()
        raise


def _same_file() -> tuple[str, ...]:
    """Arguments that let another process read the configuration file that this one was told of."""
    return () if TOLD.config is None else ("--config", str(TOLD.config))


def worker() -> None:
    """Run a worker alone: ask rails for pending payments, forget what has expired. Any number may run."""
    run_until_stopped(_work(settings_of_process(quiet=False)))
    _log.info("worker_stopped", process=os.getpid())


async def _work(settings: Settings) -> None:
    create = TOLD.new or settings.database_url is not None  # an embedded one is made by who serves
    check_same_database(settings)
    try:
        async with (
            open_service(settings, create=create) as service,
            anchored(service),
            working(service) as work,
            beating(service, "Worker") as beat,
        ):
            await _tell_log_of_role(service)
            with told_to_others(settings):
                tell("Tallystick works.")
                _log.info("worker_started", version=__version__, process=os.getpid())
                tell_manager(READY, os.environ)
                try:
                    await while_running(work, beat)
                finally:
                    tell_manager(STOPPING, os.environ)
    except NoDatabaseYetError as error:
        raise no_database_yet(error) from None


async def _tell_log_of_role(service: Service) -> None:
    for warning in await until_it_answers(partial(role_warnings, service)):
        _log.warning("database_role", problem=f"{warning}; see: tallystick db roles")


@asynccontextmanager
async def working(service: Service) -> AsyncIterator[asyncio.Task[None]]:
    """The worker's loop in the background; at the end, its last pass is finished."""
    async with _until_stopped(make_worker(service).run) as task:
        yield task


@asynccontextmanager
async def anchored(service: Service) -> AsyncIterator[None]:
    """Tells the log where the audit log and other chains end, when this opens and, a last time, when it closes."""
    await until_it_answers(partial(audit_chains.anchor_all, service))
    try:
        yield
    finally:
        try:
            async with asyncio.timeout(_LAST_ANCHOR_SECONDS):
                await audit_chains.chain_waiting(service)
                await audit_chains.anchor_all(service)
        except UNAVAILABLE as error:  # the end is not held up by it
            _log.warning("audit_anchor_failed", error=repr(error))


@asynccontextmanager
async def beating(service: Service, kind: str) -> AsyncIterator[asyncio.Task[None]]:
    """The pulse of this process in the background. `kind` says on the operator's pages what the process does."""
    async with _until_stopped(Heartbeat(service, kind).run) as task:
        yield task


@asynccontextmanager
async def _until_stopped(run: Loop) -> AsyncIterator[asyncio.Task[None]]:
    """Something that runs until its event is set, in the background."""
    stop = asyncio.Event()
    task = asyncio.create_task(run(stop))
    try:
        yield task
    finally:
        stop.set()
        await task
