"""The processes under torture: `serve` and `worker`, started again when they were killed, and their database."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psutil

from tallystick.db.embedded.server import EmbeddedPostgres, EmbeddedPostgresError
from tallystick.settings import CONFIG, NO_FILE, PREFIX
from tallystick.torture.clocks import SettableClock
from tallystick.torture.proxy import HOST

START_SECONDS: Final = 120
STOP_SECONDS: Final = 60
_PAUSE_SECONDS: Final = 0.1
_LINES: Final = 20


class TortureError(Exception):
    """The run cannot go on: something that should come back did not. The message tells what."""


@dataclass(slots=True)
class Program:
    """One process of the program. `log`: a file for what it says. `clock`: None: it has the machine's."""

    name: str
    arguments: Sequence[str]
    settings: Mapping[str, str]
    log: Path
    clock: SettableClock | None = None
    process: Process | None = None
    kills: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    """How often it was found to have ended by itself, by how: its status, and the last line that it wrote."""
    _stopped: bool = False
    _killed: bool = False
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self) -> None:
        """Start it, with the given settings alone, unless it runs."""
        async with self._starting:
            if self.running or self._stopped:
                return
            if self.process is not None and not self._killed:
                how = self._how_it_ended()
                self.ended[how] = self.ended.get(how, 0) + 1
            self._killed = False
            await self._start()

    async def _start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        environment |= {CONFIG: NO_FILE} | dict(self.settings)
        if self.clock is not None:
            environment |= self.clock.environment()
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tallystick",
                *self.arguments,
                env=environment,
                stdout=log,
                stderr=log,
                stdin=DEVNULL,
            )

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process is not None and self.process.returncode is None

    async def kill(self) -> None:
        """End it in the middle of whatever it does."""
        if self.process is not None and self.running:
            self.kills += 1
            self._killed = True
            self.process.kill()
            await self.process.wait()

    def freeze(self) -> None:
        """Stop it, without a word to anybody."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    async def stop(self) -> None:
        """Ask it to end, for good. Raises TortureError: it does not, or badly."""
        self._stopped = True
        if self.process is None or not self.running:
            return
        self.thaw()
        self.process.terminate()
        try:
            status = await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise TortureError(f"{self.name} did not end within {STOP_SECONDS} seconds of SIGTERM") from None
        if status != 0:
            raise TortureError(f"{self.name} ended with status {status}:\n{self.latest_log()}")

    def latest_log(self) -> str:
        """The last lines that it wrote."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-_LINES:])

    def _how_it_ended(self) -> str:
        status = None if self.process is None else self.process.returncode
        last = self.latest_log().rpartition("\n")[2].strip() or "wrote nothing"
        return f"{self.arguments[0]}, status {status}: {last}"

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.running:
            self.process.send_signal(number)


async def until_it_serves(program: Program, port: int) -> None:
    """Wait for the first answer on `port`; start the process again where it has ended. Raises TortureError."""
    try:
        async with asyncio.timeout(START_SECONDS), httpx.AsyncClient(trust_env=False, timeout=5) as client:
            while True:
                if not program.running:
                    await program.start()
                with suppress(httpx.HTTPError):
                    if (await client.get(f"http://{HOST}:{port}/readyz")).is_success:
                        return
                await asyncio.sleep(_PAUSE_SECONDS)
    except TimeoutError:
        message = f"{program.name} was not ready within {START_SECONDS} seconds:\n{program.latest_log()}"
        raise TortureError(message) from None


@dataclass(slots=True)
class TorturedDatabase:
    """An embedded server that this process alone holds, so that it alone brings it back."""

    server: EmbeddedPostgres
    kills: int = field(default=0)

    def processes(self) -> list[psutil.Process]:
        """The server's main process and all others; none while it is dead."""
        try:
            number = int((self.server.data / "postmaster.pid").read_text("ascii").split()[0])
            postmaster = psutil.Process(abs(number))
            if Path(postmaster.cwd()) != self.server.data:  # the number is another process's by now
                return []
            return [postmaster, *postmaster.children(recursive=True)]
        except (OSError, ValueError, IndexError, psutil.Error):
            return []

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all of them."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def freeze(self) -> None:
        """Stop all of it, without a word to anybody."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """End all of it at once, as the loss of its machine would, without the loss of what the disk was given."""
        self.kills += 1
        self.signal(signal.SIGKILL)

    async def bring_back(self) -> None:
        """Start it where it is dead, and wait until it answers. Raises TortureError."""
        failure: Exception | None = None
        for _ in range(int(START_SECONDS / 2)):
            try:
                await asyncio.to_thread(self.server.start)
            except EmbeddedPostgresError as error:
                failure = error
                await asyncio.sleep(1)
            else:
                return
        raise TortureError(f"the database did not come back: {failure}")


def free_port() -> int:
    """A port that nobody has, and that the system gives to nobody else while its process is dead."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port
