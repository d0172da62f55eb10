"""`tallystick serve` and `tallystick worker`: the long-running processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import structlog
import typer

from tallystick.cli.common_options import TOLD
from tallystick.cli.console import complain, run_until_stopped, settings_of_process, tell, while_running
from tallystick.cli.database_guard import check_same_database, no_database_yet
from tallystick.cli.serving.connections import limits_of
from tallystick.cli.serving.http_server import check_port, listening
from tallystick.cli.serving.peer_processes import more_processes, until_the_parent_is_gone
from tallystick.cli.serving.running_services import told_to_others
from tallystick.client.fps import COBRANDED_PATH
from tallystick.db.connections import UNAVAILABLE
from tallystick.db.database import until_it_answers
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
) -> None:
    """Run the service: database where none is configured, API, hosted pages, worker. Ctrl-C or SIGTERM stops it."""
    settings = settings_of_process(quiet=False)
    default_url = settings.public_url == f"http://127.0.0.1:{settings.port}"
    settings = replace(
        settings,
        host=host or settings.host,
        port=port or settings.port,
        public_url="" if default_url else settings.public_url,
    )
    run_until_stopped(
        _serve(settings, workers, with_worker=worker) if beside is None else _serve_beside(settings, beside)
    )


async def _serve_beside(settings: Settings, socket: Path) -> None:
    """One of several processes on a port, which ends with the one that started it. `socket`: where it is asked."""
    parent = asyncio.create_task(until_the_parent_is_gone())
    async with (
        open_service(settings, peers=PeerProcesses(socket.parent, socket.name)) as service,
        exporting_metrics(service),
        beating(service, "API") as beat,
        listening(asgi_app(service), settings.host, settings.port, shared=True, limits=limits_of(settings)) as server,
    ):
        await asyncio.wait((parent, server, beat), return_when=asyncio.FIRST_COMPLETED)
        if not parent.done():
            await while_running(server, beat)
    rmtree(socket.parent, ignore_errors=True)  # whoever made it may have been killed


async def _serve(settings: Settings, workers: int, *, with_worker: bool) -> None:
    check_port(settings.host, settings.port)  # before a database is started in vain
    async with AsyncExitStack() as stack:
        peers = PeerProcesses()
        if workers > 1:
            peers = PeerProcesses(Path(stack.enter_context(TemporaryDirectory(prefix="tallystick-"))))
        service = await stack.enter_async_context(open_service(settings, peers=peers))
        await stack.enter_async_context(exporting_metrics(service))
        await stack.enter_async_context(anchored(service))
        server = await stack.enter_async_context(
            listening(asgi_app(service), settings.host, settings.port, limits=limits_of(settings))
        )
        again = (*_same_file(), "serve", "--host", settings.host, "--port", str(settings.port), "--beside")
        others = [(*again, f"{peers.directory}/{number}") for number in range(1, workers)]
        tasks = [server, *await stack.enter_async_context(more_processes(others))]
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
        await while_running(*tasks)


def _same_file() -> tuple[str, ...]:
    """Arguments that let another process read the configuration file that this one was told of."""
    return () if TOLD.config is None else ("--config", str(TOLD.config))


def worker() -> None:
    """Run a worker alone: ask rails for pending payments, forget what has expired. Any number may run."""
    run_until_stopped(_work(settings_of_process(quiet=False)))


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
                await while_running(work, beat)
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
