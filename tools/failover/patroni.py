"""Two PostgreSQL servers under Patroni, with the etcd that they vote in, all on this machine.

Needs Debian's packages patroni, etcd-server and postgresql; PostgreSQL does not run as root, so as root everything
runs as the user postgres.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psutil
import yaml

from tallystick.db.embedded.binaries import Binaries, NoBinariesError, from_system

NAMES: Final = ("one", "two")
CLUSTER: Final = "tallystick"
TTL_SECONDS: Final = 20
"""How long a primary that says nothing keeps its lock: the least that Patroni allows."""

LONGEST_WAIT_SECONDS: Final = 300


class RehearsalError(Exception):
    """The machine lacks something, or the cluster does not come to life."""


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Node:
    """One server and the Patroni that keeps it."""

    name: str
    directory: Path
    port: int = field(default_factory=free_port)
    api_port: int = field(default_factory=free_port)
    patroni: Process | None = None

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return self.directory / "data"

    def postmaster(self) -> psutil.Process | None:
        """The server's first process."""
        try:
            found = psutil.Process(int((self.data / "postmaster.pid").read_text("ascii").split()[0]))
            return found if found.is_running() and Path(found.cwd()) == self.data else None
        except (OSError, ValueError, IndexError, psutil.Error):
            return None

    def signal_server(self, number: signal.Signals) -> None:
        """Send a signal to all processes of the server."""
        postmaster = self.postmaster()
        if postmaster is None:
            return
        for process in [postmaster, *postmaster.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def signal_patroni(self, number: signal.Signals) -> None:
        """Send a signal to the Patroni of this server."""
        if self.patroni is not None and self.patroni.returncode is None:
            self.patroni.send_signal(number)


@dataclass
class Cluster:
    """Two nodes, of which one is the primary and the other one holds every commit, too."""

    directory: Path
    etcd_port: int
    nodes: tuple[Node, ...]
    binaries: Binaries
    password: str
    user: str | None
    client: httpx.AsyncClient

    def address(self, user: str, database: str) -> str:
        """How to connect to whichever is the primary."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql://{user}:{self.password}@{hosts}/{database}?target_session_attrs=read-write"

    async def start(self, node: Node) -> None:
        """Start a node's Patroni, which starts its server."""
        config = node.directory / "patroni.yml"
        config.write_text(yaml.safe_dump(self._configuration(node)), "utf-8")
        with (node.directory / "patroni.log").open("ab") as log:
            node.patroni = await asyncio.create_subprocess_exec(
                "/usr/bin/patroni", str(config), stdout=log, stderr=log, user=self.user, cwd=node.directory
            )

    async def roles(self) -> dict[str, str]:
        """The role and state of each node, as it says itself."""
        found = {}
        for node in self.nodes:
            try:
                said = (await self.client.get(f"http://127.0.0.1:{node.api_port}/patroni")).json()
                found[node.name] = f"{said['role']} {said['state']}"
            except (httpx.HTTPError, ValueError, KeyError):
                found[node.name] = "silent"
        return found

    async def primary(self) -> tuple[Node, Node]:
        """Wait until one node is the primary and the other one replicates synchronously; both, in this order.

        Raises RehearsalError.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_WAIT_SECONDS):
                while True:
                    for node, other in (self.nodes, self.nodes[::-1]):
                        if await self._answers(node, "primary") and await self._answers(other, "synchronous"):
                            return node, other
                    await asyncio.sleep(0.2)
        raise RehearsalError(f"after {LONGEST_WAIT_SECONDS} seconds no pair: {await self.roles()}")

    async def _answers(self, node: Node, kind: str) -> bool:
        try:
            return (await self.client.get(f"http://127.0.0.1:{node.api_port}/{kind}")).status_code == 200  # noqa: PLR2004
        except httpx.HTTPError:
            return False

    def _configuration(self, node: Node) -> dict[str, object]:
        login = {"password": self.password}
        return {
            "scope": CLUSTER,
            "name": node.name,
            "restapi": {"listen": f"127.0.0.1:{node.api_port}", "connect_address": f"127.0.0.1:{node.api_port}"},
            "etcd3": {"hosts": f"127.0.0.1:{self.etcd_port}"},
            "bootstrap": {
                "dcs": {
                    "ttl": TTL_SECONDS,
                    "loop_wait": 1,
                    "retry_timeout": 5,
                    # A server that crashed is not waited for: the other one takes over.
                    "primary_start_timeout": 0,
                    "synchronous_mode": True,
                    # Without a second copy nothing is committed: else an answered payment could be on one server only.
                    "synchronous_mode_strict": True,
                    "postgresql": {"use_pg_rewind": True, "use_slots": True, "parameters": {"wal_log_hints": "on"}},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{node.port}",
                "connect_address": f"127.0.0.1:{node.port}",
                "data_dir": str(node.data),
                "bin_dir": str(self.binaries.directory),
                "pgpass": str(node.directory / "pgpass"),
                "authentication": {
                    "superuser": {"username": "postgres", **login},
                    "replication": {"username": "replicator", **login},
                    "rewind": {"username": "rewinder", **login},
                },
                "pg_hba": [
                    "local all all trust",
                    "host replication replicator 127.0.0.1/32 scram-sha-256",
                    "host all all 127.0.0.1/32 scram-sha-256",
                ],
                "parameters": {"unix_socket_directories": str(node.directory), "fsync": "on", "max_connections": 100},
            },
            "watchdog": {"mode": "off"},
        }


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[Cluster]:
    """A cluster whose primary answers. Raises RehearsalError."""
    lacking = [name for name in ("patroni", "etcd") if shutil.which(name) is None]
    if sys.platform != "linux" or lacking:
        raise RehearsalError(f"not here: {', '.join(lacking)}; apt-get install patroni etcd-server postgresql")
    try:
        binaries = next(iter(from_system()))
    except StopIteration:
        raise RehearsalError("there is no PostgreSQL of the system; apt-get install postgresql") from None
    except NoBinariesError as error:
        raise RehearsalError(str(error)) from None
    user = "postgres" if os.geteuid() == 0 else None
    _hand_over(directory, user)
    nodes = tuple(Node(name, directory / name) for name in NAMES)
    for node in nodes:
        node.directory.mkdir(mode=0o700)
        _hand_over(node.directory, user)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=2, trust_env=False))
        etcd_port = await _start_etcd(stack, directory, user)
        cluster = Cluster(directory, etcd_port, nodes, binaries, secrets.token_hex(16), user, client)
        stack.push_async_callback(_stop, nodes)
        for node in nodes:
            await cluster.start(node)
        await cluster.primary()
        yield cluster


def _hand_over(directory: Path, user: str | None) -> None:
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(directory, entry.pw_uid, entry.pw_gid)


async def _start_etcd(stack: AsyncExitStack, directory: Path, user: str | None) -> int:
    """Start an etcd of one member; the port that it answers on."""
    port, peers = free_port(), f"http://127.0.0.1:{free_port()}"
    log = stack.enter_context((directory / "etcd.log").open("ab"))
    here = f"http://127.0.0.1:{port}"
    command: Sequence[str] = (
        "/usr/bin/etcd", "--name", "etcd", "--data-dir", str(directory / "etcd"),
        "--listen-client-urls", here, "--advertise-client-urls", here, "--listen-peer-urls", peers,
        "--initial-advertise-peer-urls", peers, "--initial-cluster", f"etcd={peers}",
    )  # fmt: skip
    etcd = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, user=user, cwd=directory)

    async def end() -> None:
        with suppress(ProcessLookupError):
            etcd.kill()
        await etcd.wait()

    stack.push_async_callback(end)
    return port


async def _stop(nodes: Sequence[Node]) -> None:
    """Stop both Patronis, which stop their servers, and what is left of these."""
    for node in nodes:
        node.signal_patroni(signal.SIGKILL)
        node.signal_server(signal.SIGCONT)
        node.signal_server(signal.SIGKILL)
        if node.patroni is not None:
            await node.patroni.wait()


def remove(directory: Path) -> None:
    """Delete what a rehearsal left."""
    shutil.rmtree(directory, ignore_errors=True)
