"""A new data directory from a base backup and the log: as the server was at a moment.

The server is started for that on a socket that nobody else knows, replays the log, and is stopped again.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import shlex
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import asyncpg

from tallystick.db.backup.base import verify
from tallystick.db.backup.log import BYTES_OF_A_LOG, segment_of, segments
from tallystick.db.backup.source import BackupError
from tallystick.db.connections import BROKEN
from tallystick.db.embedded.binaries import Binaries, NoBinariesError, find_binaries
from tallystick.db.embedded.identity import forget_identity
from tallystick.db.embedded.server_user import ServerUser, ServerUserError, choose_server_user

if TYPE_CHECKING:
    from tallystick.db.backup.place import BackupPlace, Base, Label

DATA: Final = "postgres"
"""The name of the server's data in a data directory, as the embedded server has it."""

_DRAFT: Final = "postgres.restoring"
_LOG: Final = "log_to_replay"
_PORT: Final = 5432
_PAUSE_SECONDS: Final = 0.1
_LAST: Final = re.compile(r"last completed transaction was at log time (.+)")
_REPLAYED: Final = re.compile(r"redo done at ([0-9A-F]+)/([0-9A-F]+)")
_FATAL: Final = "FATAL:"
_TOO_LATE: Final = "recovery ended before configured recovery target was reached"
_CONFIGURATION: Final = ("postgresql.conf", "pg_hba.conf", "pg_ident.conf")
_LEFT_BEHIND: Final = ("backup_manifest", "startup.log", "restore_hba.conf", "backup_label.old", "tablespace_map.old")
"""What is of no use to the server that begins here."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A data directory that was made from a backup. `reached`: when the last commit in it was; None: in the base.

    `problems`: what the backup has of the log and the server did not replay, in words.
    """

    base: Base
    data: Path
    reached: str | None
    problems: tuple[str, ...] = ()


def choose_base(bases: list[Base], to: datetime | None) -> Base:
    """The newest base backup from which a moment can be reached. Raises BackupError: there is none."""
    fitting = [base for base in bases if to is None or base.finished_at <= to]
    if fitting:
        return fitting[-1]
    if not bases:
        raise BackupError("there is no backup yet")
    raise BackupError(
        f"the oldest backup was done at {bases[0].finished_at.isoformat()}; nothing before can be restored"
    )


@asynccontextmanager
async def restored(
    place: BackupPlace, into: Path, to: datetime | None, find: Callable[[int | None], Binaries] = find_binaries
) -> AsyncIterator[tuple[Restored, str]]:
    """Make the data directory `into`, which is new or empty, as of `to`, or as of the end of the log.

    While this is open, the database can be asked at the address that is given; only when it is left without an error
    does `into` count, else nothing remains of it. Raises BackupError, OSError.
    """
    label = place.label()
    base = choose_base(place.list_bases(), to)
    try:
        binaries = find(label.major)
    except NoBinariesError as error:
        raise BackupError(f"the backup is one of PostgreSQL {label.major}; {error}") from None
    _prepare(into)
    draft = into / _DRAFT
    try:
        user = choose_server_user(into / DATA, binaries.trees)
        await verify(binaries, place.path_of(base))
        await asyncio.to_thread(_copy, place, base, label, draft)
        await asyncio.to_thread(_own, draft, user)
        recovery = _Recovery(binaries, user, draft, label)
        await asyncio.to_thread(recovery.start, to)
        try:
            reached = await recovery.replay(to)
            problems = () if to is not None else tuple(_not_replayed(place, label, recovery.last_replayed()))
            yield Restored(base, into / DATA, reached, problems), recovery.address
        except BaseException:  # such as Ctrl-C in a long replay: no server goes on without its files
            with suppress(BackupError):
                await asyncio.to_thread(recovery.stop)
            raise
        await asyncio.to_thread(recovery.stop)
        _clean(draft)
        draft.rename(into / DATA)
    except ServerUserError as error:
        raise BackupError(str(error)) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)  # where all went well, it has another name


def _prepare(into: Path) -> None:
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(into.iterdir()):
        raise BackupError(f"{into} is not empty; restore into a new directory")
    into.chmod(0o700)


def _copy(place: BackupPlace, base: Base, label: Label, draft: Path) -> None:
    """Copy the base backup, and beside it the log since then."""
    shutil.copytree(place.path_of(base), draft, symlinks=True)
    draft.chmod(0o700)
    forget_identity(draft)
    log = draft / _LOG
    log.mkdir(mode=0o700)
    first = segment_of(base.first_segment, label.segment_bytes)
    for path in sorted(place.log.iterdir(), reverse=True):  # what is whole before what has the same name and is not
        segment = segment_of(path.name, label.segment_bytes)
        if segment is None:
            shutil.copyfile(path, log / path.name)  # the history of a timeline
        elif first is None or segment.number >= first.number:
            target = log / segment.name
            if not segment.partial or not (place.log / segment.name).exists():
                shutil.copyfile(path, target)
    for name in _CONFIGURATION:  # some systems keep these elsewhere
        (draft / name).touch(mode=0o600)
    (draft / "restore_hba.conf").write_text("local all all trust\n", "ascii")
    (draft / "recovery.signal").touch(mode=0o600)


def _not_replayed(place: BackupPlace, label: Label, last: int | None) -> list[str]:
    """What of the newest timeline's log lies beyond its byte `last`, the beginning of the last record replayed.

    The server takes a piece that is missing or damaged for the end of the log, and begins there without a word. The
    last piece may have no whole record yet.
    """
    log = segments(place.log, label.segment_bytes)
    if last is None or not log:
        return []
    newest = max(each.timeline for each in log)
    end = max(each.number for each in log if each.timeline == newest)
    reached = last // label.segment_bytes
    if reached >= end - 1:
        return []
    return [
        f"the log was replayed as far as number {reached} and goes on to {end}: what is between is lacking or damaged"
    ]


def _own(draft: Path, user: ServerUser) -> None:
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            user.own(path)


def _clean(draft: Path) -> None:
    shutil.rmtree(draft / _LOG)
    for name in _LEFT_BEHIND:
        (draft / name).unlink(missing_ok=True)


@dataclass
class _Recovery:
    """The server while it replays the log, and until it is stopped."""

    binaries: Binaries
    user: ServerUser
    data: Path
    label: Label

    def __post_init__(self) -> None:
        self._socket = Path(tempfile.gettempdir()) / f"tallystick-{secrets.token_hex(8)}"

    @property
    def address(self) -> str:
        """How to connect to the database, once it is there."""
        where = f"host={quote(str(self._socket))}&port={_PORT}"
        return f"postgresql://{quote(self.label.superuser)}@/{quote(self.label.database)}?{where}"

    def start(self, to: datetime | None) -> None:
        """Start the server. Raises BackupError."""
        self._socket.mkdir(mode=0o700)
        self.user.own(self._socket)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket),
            "port": str(_PORT),
            "hba_file": "restore_hba.conf",
            "restore_command": f'cp "{_LOG}/%f" "%p"',
            "recovery_target_timeline": "latest",
            "recovery_target_action": "promote",
            "hot_standby": "off",  # what the server had room for does not matter then
            "archive_mode": "off",
            "primary_conninfo": "",
            "synchronous_standby_names": "",
            "shared_preload_libraries": "",
            "logging_collector": "off",
            "log_destination": "stderr",
            "ssl": "off",
        }
        if to is not None:
            settings["recovery_target_time"] = to.isoformat()
        options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
        command = (
            self.binaries.program("pg_ctl"), "start", "-D", ".", "-l", "startup.log", "-o", options,
            "-W",
        )  # fmt: skip
        started = self.user.run(command, directory=self.data)
        if started.returncode != 0:
            shutil.rmtree(self._socket, ignore_errors=True)
            raise BackupError(_why(started.stdout, to))

    async def replay(self, to: datetime | None) -> str | None:
        """Wait until the log is replayed; when its last commit was, as the server says. Raises BackupError."""
        seen = False
        while True:
            running = (self.data / "postmaster.pid").exists()
            if seen and not running:
                shutil.rmtree(self._socket, ignore_errors=True)
                raise BackupError(_why(self._log(), to))
            seen = seen or running or _FATAL in self._log()
            try:
                connection = await asyncpg.connect(self.address, timeout=10)
            except (*BROKEN, OSError):
                await asyncio.sleep(_PAUSE_SECONDS)  # not yet: it says so itself
                continue
            await connection.close()
            last = _LAST.findall(self._log())
            return last[-1].strip() if last else None

    def last_replayed(self) -> int | None:
        """Where in the log the last record that was replayed begins, in bytes; None: none was."""
        found = _REPLAYED.findall(self._log())
        return int(found[-1][0], 16) * BYTES_OF_A_LOG + int(found[-1][1], 16) if found else None

    def stop(self) -> None:
        """Stop the server. Raises BackupError."""
        command = (self.binaries.program("pg_ctl"), "stop", "-D", ".", "-m", "fast", "-w", "-t", "600")
        stopped = self.user.run(command, directory=self.data)
        shutil.rmtree(self._socket, ignore_errors=True)
        if stopped.returncode != 0:
            raise BackupError(f"the restored database does not stop: {stopped.stdout.strip()}")

    def _log(self) -> str:
        try:
            return (self.data / "startup.log").read_text("utf-8", "replace")
        except FileNotFoundError:
            return ""


def _why(log: str, to: datetime | None) -> str:
    """Why a log could not be replayed."""
    if _TOO_LATE in log and to is not None:
        last = _LAST.findall(log)
        ends = f"; its last commit is of {last[-1].strip()}" if last else ""
        return f"the log of the backup ends before {to.isoformat()}{ends}. Restore without --to for all of it"
    return f"the backup cannot be restored:\n{chr(10).join(log.splitlines()[-20:])}"
