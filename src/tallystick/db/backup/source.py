"""The server that is backed up, and the programs that do it."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import asyncpg

from tallystick.db.embedded.binaries import Binaries, NoBinariesError, find_binaries
from tallystick.db.embedded.environment import bare_environment
from tallystick.db.statements import load_statements

_SQL: Final = load_statements("source.sql", __package__)

SLOT: Final = "tallystick_backup"
"""The name under which the server keeps its log for us until we have it."""

_ENOUGH: Final = frozenset({"replica", "logical"})


class BackupError(Exception):
    """A backup cannot be made, is damaged or cannot be restored; the message tells why."""


@dataclass(frozen=True, slots=True)
class Address:
    """How programs of PostgreSQL are told where to connect: the password is in their environment, where nobody looks.

    A command line is there for everybody on the machine to read.
    """

    url: str
    environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, dsn: str) -> Address:
        """Take a URL apart; it may name several hosts."""
        parts = urlsplit(dsn)
        login, at, hosts = parts.netloc.rpartition("@")
        user, _, password = login.partition(":")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        password = options.pop("password", "") or unquote(password)
        url = urlunsplit(parts._replace(netloc=f"{user}{at}{hosts}", query=urlencode(options)))
        environment = bare_environment()
        if "HOME" in os.environ:  # a password file or certificates of the user's
            environment["HOME"] = os.environ["HOME"]
        return cls(url, environment | ({"PGPASSWORD": password} if password else {}))


@dataclass(frozen=True, slots=True)
class BackupSource:
    """A server, as it was when it was asked. `superuser`, `database`: as whom, and to what, a restored one is asked."""

    address: Address
    binaries: Binaries
    major: int
    segment_bytes: int
    system_identifier: str
    superuser: str
    database: str
    dsn: str = field(repr=False)

    async def time(self) -> datetime:
        """What time it is by the server's clock. Raises asyncpg.PostgresError, OSError: it does not answer."""
        connection = await asyncpg.connect(self.dsn)
        try:
            found: datetime = await connection.fetchval(_SQL["time"])
        finally:
            await connection.close()
        return found

    async def start(self, program: str, *arguments: str, output: int | None = PIPE) -> Process:
        """Start one of PostgreSQL's programs that connects to the server. Raises BackupError."""
        return await asyncio.create_subprocess_exec(
            program_of(self.binaries, program),
            "--no-password",
            f"--dbname={self.address.url}",
            *arguments,
            env=self.address.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=STDOUT,
        )

    async def run(self, program: str, *arguments: str) -> None:
        """Run such a program to its end. Raises BackupError, with what it said."""
        process = await self.start(program, *arguments)
        try:
            said, _ = await process.communicate()
        finally:
            await end(process)
        if process.returncode != 0:
            raise BackupError(f"{program} failed: {said.decode('utf-8', 'replace').strip()}")

    async def let_go_of_the_log(self, dsn: str) -> bool:
        """Drop the slot, so that the server keeps no more log for us; whether there was one that nobody uses."""
        connection = await asyncpg.connect(dsn)
        try:
            return bool(await connection.fetch(_SQL["drop_slot"], SLOT))
        finally:
            await connection.close()


async def open_source(dsn: str) -> BackupSource:
    """Ask a server what a backup must know of it.

    Raises BackupError: it cannot be backed up by this role, with its settings, or with the programs of this machine.
    asyncpg.PostgresError, OSError: it does not answer.
    """
    connection = await asyncpg.connect(dsn)
    try:
        about = await connection.fetchrow(_SQL["about"])
    finally:
        await connection.close()
    if about is None:
        raise BackupError("the server does not tell what it is")
    if not about["may_replicate"]:
        raise BackupError(
            f"the role {about['role']} may not make backups; let an administrator run: "
            f"ALTER ROLE {about['role']} REPLICATION, or name another role's address (--database-env)"
        )
    if about["wal_level"] not in _ENOUGH:
        raise BackupError(f"the server's wal_level is {about['wal_level']}; a backup needs replica")
    try:
        binaries = find_binaries(about["major"])
    except NoBinariesError as error:
        raise BackupError(str(error)) from None
    return BackupSource(
        Address.of(dsn),
        binaries,
        about["major"],
        about["segment_bytes"],
        str(about["system_identifier"]),
        about["superuser"],
        about["database"],
        dsn,
    )


def program_of(binaries: Binaries, name: str) -> Path:
    """One of PostgreSQL's programs. Raises BackupError."""
    try:
        return binaries.program(name)
    except NoBinariesError as error:
        raise BackupError(str(error)) from None


async def end(process: Process) -> None:
    """End a program that may still run, and wait for that."""
    if process.returncode is None:
        process.terminate()
        await process.wait()
