"""The embedded PostgreSQL: started when the first process needs it, shared by all, stopped by the last one out.

The programs are those that `binaries.py` finds. The server handle of the package that brings them is not used: it
counts its users in a file that a killed process never leaves, answers before crash recovery is over, and as root opens
every directory above the data to everybody (docs/decisions/002-one-embedded-postgresql.md).
"""

import atexit
import fcntl
import logging
import os
import secrets
import shlex
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import asyncpg

from tallystick.db.embedded.binaries import Binaries, NoBinariesError, find_binaries
from tallystick.db.embedded.data_directory import OpenDirectoryError, make_closed
from tallystick.db.embedded.identity import CopiedDataError, check_not_copied, note_identity
from tallystick.db.embedded.initdb import add_settings, initdb_command
from tallystick.db.embedded.postmaster import Postmaster, is_used, recorded_pid
from tallystick.db.embedded.roles import ADMIN, DATABASE, OWNER, prepare
from tallystick.db.embedded.server_log import FULL, is_full, log_ends, log_since, was_killed
from tallystick.db.embedded.server_memory import buffers_bytes, memory_bytes
from tallystick.db.embedded.server_user import ServerUser, ServerUserError, choose_server_user
from tallystick.db.privileges import WORK

SOCKET_NAME: Final = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH: Final = 103  # bytes; macOS allows the fewest
IMPOSSIBLE_PID: Final = "2147483647"  # no system counts that far
PAUSE_SECONDS: Final = 0.05
STOP_SECONDS: Final = 60
MAX_KEPT_LOG: Final = "4GB"
"""So much of the log waits for a backup that does not fetch it; then it is let go, and a new base backup is needed."""
EXIT_SECONDS: Final = 5  # between the removal of postmaster.pid and the end of the process

# Durability (fsync, full_page_writes, synchronous_commit) is PostgreSQL's default and stays so.
SERVER_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",  # the socket only
    "unix_socket_permissions": "0700",
    "max_connections": "400",
    # Each checkpoint makes the next writes dearer: whole pages go to the log again, most of them of the key of
    # references, where each payment has a page of its own. The log takes as much room as is written between two of
    # them, at most this, and a server that crashed replays it, 70 MB a second and more.
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "autovacuum_vacuum_cost_delay": "5ms",  # the default of 2 ms lets it take most of a core from payments
    "jit": "off",  # our statements are short
    "idle_in_transaction_session_timeout": "5min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",  # a week of logs, a file a day, used again
    "log_filename": "postgresql-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
}

logger = logging.getLogger(__name__)


class EmbeddedPostgresError(Exception):
    """The embedded server cannot be started or stopped; the message tells why, with the end of the server's log."""


class EmbeddedPostgres:
    """One process's hold on the PostgreSQL server under `<data_directory>/postgres`.

    Any number of processes may hold it at once. A hold is a shared file lock, which the system takes back when its
    process dies, so that a killed process neither keeps the server running nor confuses the next start. Everything here
    blocks: in an event loop use `asyncio.to_thread`.

    Attributes:
        data: the server's data directory; only its user may enter it.
        log_directory: where the server writes its log.
    """

    def __init__(
        self,
        data_directory: Path,
        *,
        server_settings: Mapping[str, str] = SERVER_SETTINGS,
        timeout_seconds: int = 300,
        find: Callable[[int | None], Binaries] = find_binaries,
    ) -> None:
        self._directory = data_directory.expanduser().resolve()
        self._server_settings = server_settings
        self._timeout_seconds = timeout_seconds
        self._find = find
        self._hold: int | None = None  # the descriptor that carries our shared lock
        self._holder_pid = 0
        self.data = self._directory / "postgres"
        self.log_directory = self.data / "log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def dsn(self) -> str:
        """How the service connects to the database; works from the moment `start` has returned."""
        return self._dsn_of(DATABASE, WORK)

    @property
    def owner_dsn(self) -> str:
        """How migrations connect to it: as its owner."""
        return self._dsn_of(DATABASE, OWNER)

    @property
    def admin_dsn(self) -> str:
        """How to connect to it as the superuser of the whole server: for the benchmark, backups and tests."""
        return self._dsn_of(DATABASE)

    @property
    def has_data(self) -> bool:
        """Whether there is a database to start, and none to make; also where we may not look."""
        try:
            self._version_file.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:  # what is wrong with the directory is told by `start`
            return True
        return True

    def start(self) -> str:
        """Start the server or join the running one, wait until it answers queries, and return its DSN.

        Calling it again brings a server back that has died meanwhile.
        Raises EmbeddedPostgresError: it does not start, or does not answer within `timeout_seconds`.
        """
        try:
            make_closed(self._directory)
            with self._only_us():
                newly_held = self._hold is None
                self._take_hold()
                try:
                    self._start_and_wait()
                except BaseException:
                    if newly_held:
                        self._let_go()
                    raise
        except (OSError, OpenDirectoryError, ServerUserError, NoBinariesError, CopiedDataError) as error:
            raise EmbeddedPostgresError(f"the embedded database cannot be started: {error}") from error
        return self.dsn

    def revive(self) -> bool:
        """Bring the server back if it has died, and say whether it had. Raises EmbeddedPostgresError: it stays dead."""
        if self._running_server() is not None:
            return False
        self.start()
        return True

    def stop(self) -> None:
        """Give up our hold; the last holder stops the server and waits until its processes are gone."""
        if self._hold is None or self._holder_pid != os.getpid():  # a forked child inherits the object, not the hold
            return
        with self._only_us():
            self._let_go()

    # Holds: `postgres.lock` is held by who starts or stops, `postgres.users` by everyone who uses the server.

    @contextmanager
    def _only_us(self) -> Iterator[None]:
        descriptor = os.open(self._directory / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _take_hold(self) -> None:
        if self._hold is not None:
            return
        self._hold = os.open(self._directory / "postgres.users", os.O_RDWR | os.O_CREAT, 0o600)
        self._holder_pid = os.getpid()
        fcntl.flock(self._hold, fcntl.LOCK_SH)
        atexit.register(self.stop)

    def _let_go(self) -> None:
        if self._hold is None:
            return
        try:
            with suppress(BlockingIOError):  # others hold it: the server goes on
                fcntl.flock(self._hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._stop_server()
        finally:
            os.close(self._hold)
            self._hold = None
            atexit.unregister(self.stop)

    # Starting and stopping, with `postgres.lock` held.

    def _start_and_wait(self) -> None:
        binaries = self._binaries()
        user = choose_server_user(self.data, binaries.trees)
        if not self._version_file.exists():
            self._create_data(binaries, user)
        elif stat.S_IMODE(self.data.stat().st_mode) != stat.S_IRWXU:  # PostgreSQL itself lets a group read, and no more
            self.data.chmod(stat.S_IRWXU)
        deadline = time.monotonic() + self._timeout_seconds
        while True:
            if self._running_server() is None:
                self._launch(binaries, user, deadline)
            try:
                prepare(self._dsn_of)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                if time.monotonic() > deadline:
                    raise EmbeddedPostgresError(
                        f"the embedded database does not answer within {self._timeout_seconds} seconds: {error}"
                    ) from error
                time.sleep(PAUSE_SECONDS)  # most often: it starts up, or recovers from a crash
            else:
                return

    @property
    def _version_file(self) -> Path:
        return self.data / "PG_VERSION"

    def _binaries(self) -> Binaries:
        """Those of the major version that made the data; for new data the best there are. Raises NoBinariesError."""
        try:
            made_by = int(self._version_file.read_text("ascii"))
        except FileNotFoundError:
            return self._find(None)
        try:
            return self._find(made_by)
        except NoBinariesError as error:
            raise NoBinariesError(f"{self.data} was made by PostgreSQL {made_by}; {error}") from None

    def _create_data(self, binaries: Binaries, user: ServerUser) -> None:
        """Make the data directory under another name first: an interrupted start leaves no half of one."""
        draft = self.data.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        self.make_data(binaries, user, draft)
        draft.rename(self.data)

    def make_data(self, binaries: Binaries, user: ServerUser, directory: Path) -> None:
        """Make a cluster without a database of ours in a new directory. Raises EmbeddedPostgresError."""
        directory.mkdir(mode=0o700)
        user.own(directory)
        made = user.run(initdb_command(binaries, directory, ADMIN, self._server_settings), directory=directory)
        if made.returncode != 0:
            raise EmbeddedPostgresError(
                f"the embedded database cannot be created in {directory}:\n{made.stdout.strip()}"
            )
        add_settings(binaries, directory, self._server_settings)

    @contextmanager
    def all_to_ourselves(self) -> Iterator[None]:
        """Hold the data, with their server stopped, against everybody. Raises EmbeddedPostgresError: it is in use."""
        with self._only_us(), (self._directory / "postgres.users").open("ab") as users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise EmbeddedPostgresError(f"{self.data} is in use; stop what runs on it") from None
            self._stop_server()
            yield

    def _launch(self, binaries: Binaries, user: ServerUser, deadline: float) -> None:
        """Start the server; retry while processes of one that crashed are still on their way out.

        One that somebody kills while it starts, most often in a long recovery, is started again.
        """
        early_log = self.data / "startup.log"
        socket_directory = self._socket_directory(user)
        buffers = buffers_bytes(memory_bytes()) >> 20
        keep = f"-c max_slot_wal_keep_size={MAX_KEPT_LOG}"
        options = f"-k {shlex.quote(str(socket_directory))} -c shared_buffers={buffers}MB {keep}"
        command = (binaries.program("pg_ctl"), "start", "-D", ".", "-l", early_log.name, "-o", options, "-w")
        check_not_copied(self.data)
        note_identity(self.data, running=True)
        while True:
            self._disarm_stale_pids(socket_directory)
            early_log.unlink(missing_ok=True)
            before = log_ends(self.log_directory)
            started = user.run(command, directory=self.data)
            if started.returncode == 0 or self._running_server() is not None:  # recovery may outlast pg_ctl's time-out
                return
            early = early_log.read_text("utf-8", "replace") if early_log.exists() else started.stdout
            log = f"{early}{log_since(self.log_directory, before)}"
            if is_full(log):
                raise EmbeddedPostgresError(f"the disk of {self.data} is full ({FULL}); it starts when there is room")
            if not ("still in use" in log or was_killed(log)) or time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"the embedded database does not start:\n{log}")
            time.sleep(PAUSE_SECONDS)

    def _stop_server(self) -> None:
        server = self._running_server()
        if server is None:
            return
        binaries = self._binaries()
        user = choose_server_user(self.data, binaries.trees)
        for mode in ("fast", "immediate"):
            command = (binaries.program("pg_ctl"), "stop", "-D", ".", "-m", mode, "-w", "-t", str(STOP_SECONDS))
            stopped = user.run(command, directory=self.data)
            deadline = time.monotonic() + EXIT_SECONDS
            while server.is_alive and time.monotonic() < deadline:
                time.sleep(PAUSE_SECONDS / 10)
            if not server.is_alive:
                with suppress(OSError):  # of a full disk: it is the same directory all the same
                    note_identity(self.data, running=False)
                return
            logger.warning("the embedded database did not stop (%s): %s", mode, stopped.stdout.strip())
        raise EmbeddedPostgresError(f"the embedded database, process {server.pid}, does not stop")

    def _running_server(self, record: Path | None = None) -> Postmaster | None:
        """The postmaster named in postmaster.pid, if that number still means it: numbers are used again."""
        return Postmaster.found(record or self.data / "postmaster.pid", self.data, self._socket)

    def _socket(self) -> Path:
        return self._socket_directory() / SOCKET_NAME

    def _disarm_stale_pids(self, socket_directory: Path) -> None:
        """Keep a dead server's process number from blocking the next one while the system still, or again, knows it.

        Still: a killed process stays listed until its parent has noticed. Again: after a restart of the machine the
        number may be another process's. The rest of the files stays: by postmaster.pid PostgreSQL finds left-over
        processes that still use the data.
        """
        for record in (self.data / "postmaster.pid", socket_directory / f"{SOCKET_NAME}.lock"):
            pid = recorded_pid(record)
            if pid is not None and is_used(pid) and self._running_server(record) is None:
                lines = record.read_text("ascii").splitlines(keepends=True)
                record.write_text("".join([f"{IMPOSSIBLE_PID}\n", *lines[1:]]), "ascii")

    # Where the server listens.

    def _dsn_of(self, database: str, role: str = ADMIN) -> str:
        directory = quote(str(self._socket_directory()))
        return f"postgresql://{role}@/{database}?host={directory}&port=5432"

    def _socket_directory(self, user: ServerUser | None = None) -> Path:
        """The data directory; where its path is too long for a socket, a directory that nobody else could make."""
        if len(os.fsencode(self.data / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
            return self.data
        link = self.data / "socket_directory"
        if user is not None and not (link.is_symlink() and link.is_dir()):
            link.unlink(missing_ok=True)
            short = Path(tempfile.gettempdir()) / f"tallystick-{secrets.token_hex(8)}"
            short.mkdir(mode=0o700)
            user.own(short)
            link.symlink_to(short)
        return link.readlink()
