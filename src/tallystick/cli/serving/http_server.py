"""An ASGI application on a port, in the event loop of its caller."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.net import SocketHolder  # type: ignore[attr-defined]
from granian.server.embed import Server

from tallystick.cli.console import ProblemError
from tallystick.cli.serving.connections import (
    DESCRIPTORS,
    ConnectionGuard,
    ConnectionLimits,
    affordable,
    raise_descriptor_limit,
)
from tallystick.cli.serving.direct.inner import Behind, inner_listener
from tallystick.cli.serving.direct.server import DESCRIPTORS_EACH, DirectServer
from tallystick.cli.serving.listeners import can_refuse, listeners, refuse_new, waiting
from tallystick.web.api.strict_answers import StrictAnswers

if TYPE_CHECKING:
    from litestar import Litestar

    from tallystick.web.api.asgi import Application

BACKLOG: Final = 4096
_PAUSE_SECONDS: Final = 0.02
_COLLECT_AFTER: Final = (50_000, 20, 50)
"""The collector's thresholds: a commit of many commands makes thousands of values, none of them in a cycle, and the
default of 700 would look through them again and again: a tenth of the time of a payment."""
_START_SECONDS: Final = 20
STOP_SECONDS: Final = 4.0
"""How long requests under way may take to be answered at the end; then their connections are cut."""
_HURRY_SECONDS: Final = 2
_QUIET_LOOKS: Final = 5
"""So often in a row nobody may be owed an answer before the end: a request may come between two looks."""
_CUT_SECONDS: Final = 2

HEADER_SECONDS: Final = 30
"""How long a connection may take for the line and the headers of its next request, and so how long it may be idle."""
MAX_HEADER_BYTES: Final = 128 * 1024
"""Of a request's line and headers together, twice the longest query that is read. The server keeps as much for each
connection that sends them slowly."""


_log: Final = structlog.get_logger(__name__)


class _Server(Server):
    """The HTTP server, which may be given a socket that listens already."""

    listener: socket.socket | None = None

    def _init_shared_socket(self) -> None:
        if self.listener is None:
            super()._init_shared_socket()  # type: ignore[no-untyped-call]
        else:  # a duplicate, since the server closes what it has at its end
            is_unix = self.listener.family == socket.AF_UNIX
            held = SocketHolder(os.dup(self.listener.fileno()), is_unix, BACKLOG)  # type: ignore[call-arg]
            self._shd = held  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class _Doors:
    """Where clients connect when we read what they say, and where the HTTP server has what we pass on to it."""

    public: socket.socket
    inner: socket.socket
    directory: Path


@asynccontextmanager
async def listening(
    application: Application | Litestar,
    host: str,
    port: int,
    *,
    shared: bool = False,
    limits: ConnectionLimits | None = None,
    listener: socket.socket | None = None,
    stop_seconds: float = STOP_SECONDS,
    gently: bool = False,
    direct: bool = True,
    place: Path | None = None,
) -> AsyncIterator[asyncio.Task[None]]:
    """Answer requests while this is open; at the end, requests under way get their answers, if that is soon.

    The task that is yielded ends only when the server fails. `shared`: other processes may listen on the port, too.
    `listener`: a socket that listens there already, and whose queue of connections stays when this is closed.
    `stop_seconds`: how long answers under way may take at the end. `gently`: nobody who has connected by then loses a
    request, which takes a moment longer (listeners.py). `direct`: whole plain requests are read by this process itself
    (direct/), where that is possible; else the HTTP server reads all. `place`: a directory for what is between the two.
    Raises ProblemError: the port is taken.
    """
    if not shared and listener is None:
        check_port(host, port)
    gc.collect()
    gc.freeze()  # what was loaded stays
    gc.set_threshold(*_COLLECT_AFTER)
    _use_batch_scheduling()
    with ExitStack() as stack:
        doors = _doors(stack, listener or (host, port), place) if direct else None
        descriptors = raise_descriptor_limit()
        limits = affordable(limits or ConnectionLimits(), descriptors, 1 if doors is None else DESCRIPTORS_EACH)
        # How many connections are accepted. All that come at once between two looks of the guard fit into what is left.
        most, guard = limits.in_all + limits.in_all // 4, ConnectionGuard(port, limits)
        asked, front = cast("Application", application), None
        behind = Behind(asked)
        server = _http_server(application if doors is None else behind, host, port, most)
        server.listener = listener if doors is None else doors.inner
        task = asyncio.create_task(server.serve())
        watching = asyncio.create_task(guard.run())
        try:
            if doors is None:
                await _until_it_answers(task, host, port)
            else:
                await _until_it_has_started(task, behind, host, port)
                lane = asked.lane if isinstance(asked, StrictAnswers) else None
                front = DirectServer(asked, behind, doors.public, doors.directory, most, lane)
                front.accept()
            yield task
        finally:
            watching.cancel()
            try:
                if listener is not None and front is not None:
                    front.accept_no_more()
                    await _until_quiet(guard, (), stop_seconds)
                elif listener is not None and sys.platform == "linux":
                    await _leave_the_queue(listener, guard, stop_seconds)
                elif gently and can_refuse():
                    await _empty_the_queue(port, guard, stop_seconds)
            finally:
                if front is not None:
                    front.end()
                server.stop()  # type: ignore[no-untyped-call]
                await _until_it_ended(task, front, guard, stop_seconds)


def _http_server(application: Application | Litestar, host: str, port: int, most: int) -> _Server:
    return _Server(
        application,
        host,
        port,
        interface=Interfaces.ASGI,
        websockets=False,
        # HTTP/1 alone: where it may be another version, a connection that says nothing at all is left open for ever.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000, max_buffer_size=MAX_HEADER_BYTES),
        backlog=BACKLOG,
        backpressure=most,
        log_enabled=False,
    )


def _doors(stack: ExitStack, public: socket.socket | tuple[str, int], place: Path | None) -> _Doors | None:
    """The sockets for a front of ours. None: there is no place for the inner one; the HTTP server is the front then.

    Raises ProblemError: nothing can listen there.
    """
    try:
        inner, directory = stack.enter_context(inner_listener(BACKLOG, place))
    except OSError as error:
        _log.warning("requests_not_read_directly", error=str(error))
        return None
    if isinstance(public, socket.socket):
        return _Doors(stack.enter_context(public.dup()), inner, directory)
    try:
        return _Doors(stack.enter_context(_bound(*public)), inner, directory)
    except OSError as error:
        raise ProblemError(f"cannot listen on {public[0]} port {public[1]}: {error.strerror or error}") from None


def _bound(host: str, port: int) -> socket.socket:
    """A socket that listens on a port, which it shares with others that do the same. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # for `serve --workers`
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


async def _leave_the_queue(listener: socket.socket, guard: ConnectionGuard, seconds: float) -> None:
    """Accept no more of the connections that wait at `listener`: they are for the next process. Answer those we have.

    The server cannot be told so. When it stops, it closes connections of which it has read nothing yet, and a client
    that has just sent its request loses it. Its descriptors of the socket become those of one that nobody knows.
    """
    inode, ours = os.fstat(listener.fileno()).st_ino, listener.fileno()
    with socket.socket() as nowhere:
        nowhere.bind(("127.0.0.1", 0))
        nowhere.listen()
        nowhere.setblocking(False)
        for name in os.listdir(DESCRIPTORS):  # noqa: PTH208 - as the guard does
            with suppress(OSError):  # closed meanwhile
                if int(name) != ours and os.fstat(int(name)).st_ino == inode:
                    os.dup2(nowhere.fileno(), int(name), inheritable=False)
    await _until_quiet(guard, (), seconds)


async def _empty_the_queue(port: int, guard: ConnectionGuard, seconds: float) -> None:
    """Let nobody connect to our own sockets any more, and answer all who have."""
    with listeners(port) as ours:
        for one in ours:
            with suppress(OSError):  # a kernel without such filters: as before
                refuse_new(one)
        await _until_quiet(guard, ours, seconds)


async def _until_quiet(guard: ConnectionGuard, queues: Sequence[socket.socket], seconds: float) -> None:
    """Until nobody waits in these queues, and nobody who was accepted is owed an answer; so long at most."""
    loop = asyncio.get_running_loop()
    until, quiet = loop.time() + seconds, 0
    while quiet < _QUIET_LOOKS and loop.time() < until:
        await asyncio.sleep(_PAUSE_SECONDS)
        quiet = 0 if guard.owing() or any(map(waiting, queues)) else quiet + 1


async def _until_it_ended(
    task: asyncio.Task[None], front: DirectServer | None, guard: ConnectionGuard, seconds: float
) -> None:
    """Drain: wait for the answers under way, for a shorter time when we are told to stop once more.

    Then shut down the connections that are still sending, or not reading their answers: the server would wait for ever.

    The server raises when it is cancelled during its shutdown. That is no fault: Ctrl-C twice, or Ctrl-C in a terminal
    and SIGTERM from a parent, do it.
    """
    loop = asyncio.get_running_loop()
    until, again = loop.time() + seconds, False
    ends = [task] if front is None else [task, asyncio.create_task(front.until_empty())]
    while not all(end.done() for end in ends) and loop.time() < until:
        try:
            await asyncio.wait(ends, timeout=until - loop.time())
        except asyncio.CancelledError:
            until, again = min(until, loop.time() + _HURRY_SECONDS), True
    if not all(end.done() for end in ends):
        guard.cut_all()
        with suppress(asyncio.CancelledError):
            await asyncio.wait(ends, timeout=_CUT_SECONDS)
    if front is not None:
        front.close()
        ends[1].cancel()
    if not task.done():
        task.cancel()
    elif not task.cancelled():
        task.result()
    if again:
        raise asyncio.CancelledError


def _use_batch_scheduling() -> None:
    """Ask Linux for the policy SCHED_BATCH, for this thread and those that it starts: on waking they preempt nobody.

    Requests and answers pass from the thread that runs Python to the one that speaks HTTP. As an ordinary thread the
    second takes the processor from the first for each single one; as this it waits until the first has nothing more to
    do, or has a processor of its own, and takes all that has come together. The share of time that each is given stays
    what it was. Elsewhere, where it is not allowed, and where somebody has chosen another policy nothing changes.
    """
    if sys.platform == "linux" and os.sched_getscheduler(0) == os.SCHED_OTHER:
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


async def _until_it_has_started(task: asyncio.Task[None], behind: Behind, host: str, port: int) -> None:
    starting = asyncio.create_task(behind.started.wait())
    try:
        await asyncio.wait((task, starting), timeout=_START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        starting.cancel()
    if not behind.started.is_set():
        raise ProblemError(f"what is to answer on {host} port {port} did not start")


async def _until_it_answers(task: asyncio.Task[None], host: str, port: int) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while True:
            if task.done():
                raise ProblemError(f"nothing can listen on {host} port {port}")
            with suppress(OSError):
                _, writer = await asyncio.open_connection(host, port)
                writer.close()
                return
            await asyncio.sleep(_PAUSE_SECONDS)


def check_port(host: str, port: int) -> None:
    """Raises ProblemError: the port is taken. The server itself would share it (SO_REUSEPORT) without an error."""
    try:
        _probe(host, port)
    except OSError as error:
        raise ProblemError(f"cannot listen on {host} port {port}: {error.strerror or error}") from None


def port_or_free_one(host: str, wanted: int) -> int:
    """The wanted port, or one that the system chooses when it is taken."""
    try:
        return _probe(host, wanted)
    except OSError:
        return _probe(host, 0)


def _probe(host: str, port: int) -> int:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just left is free
        probe.bind(address)
        return int(probe.getsockname()[1])
