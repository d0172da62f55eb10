"""A PostgreSQL server as an administrator sets one up: on a port of this machine, every role with a password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tallystick.db.embedded.binaries import Binaries, find_binaries, from_system
from tallystick.db.embedded.server_user import ServerUser, choose_server_user

HOST = "127.0.0.1"
SUPERUSER = "postgres"
PASSWORD = "p@ss:w/rd?&é"  # all of these are escaped in an address


def any_server_binaries() -> Binaries:
    """Those of the system, such as Debian's, where it has a PostgreSQL that is new enough; else the package's."""
    return next(from_system(), None) or find_binaries()


@dataclass(frozen=True)
class TcpServer:
    """A server that runs. Its data directory is `data`."""

    binaries: Binaries
    user: ServerUser
    data: Path
    port: int

    def address(self, role: str, database: str) -> str:
        return f"postgresql://{role}:{quote(PASSWORD, safe='')}@{HOST}:{self.port}/{database}"


def _run(server: TcpServer, *command: str | Path) -> None:
    ended = server.user.run((server.binaries.program(str(command[0])), *command[1:]), directory=server.data)
    assert ended.returncode == 0, ended.stdout


@contextmanager
def running(server: TcpServer) -> Iterator[TcpServer]:
    """Run it on data that are there."""
    options = f"-c listen_addresses={HOST} -c port={server.port} -c unix_socket_directories="
    _run(server, "pg_ctl", "start", "-D", ".", "-w", "-t", "120", "-l", "server.log", "-o", options)
    try:
        yield server
    finally:
        _run(server, "pg_ctl", "stop", "-D", ".", "-m", "fast", "-w", "-t", "120")


@contextmanager
def new_server(data: Path, binaries: Binaries, port: int) -> Iterator[TcpServer]:
    """Make a new cluster in `data`, and run it."""
    user = choose_server_user(data, binaries.trees)
    data.mkdir(mode=0o700)
    user.own(data)
    passwords = data.with_name(f"{data.name}.password")
    passwords.write_text(PASSWORD, "utf-8")
    user.own(passwords)
    server = TcpServer(binaries, user, data, port)
    access = ("--auth-local=reject", "--auth-host=scram-sha-256", f"--pwfile={passwords}")
    _run(server, "initdb", "-D", ".", f"--username={SUPERUSER}", *access, "--encoding=UTF8", "--locale=C")
    passwords.unlink()
    with running(server):
        yield server
