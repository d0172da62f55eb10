"""The first process of the embedded server, found by the number that it leaves in its lock files.

A number alone means little: a killed process stays listed until its parent has noticed, and numbers are used again.
Nor is a process that nothing is seen of always gone: under `ProtectProc=invisible` with `PrivateUsers=true`, as in our
units, a service sees no process of another one, not even of its own user. Then the server's socket tells who listens.
"""

import os
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import psutil

_CREDENTIALS: Final = struct.Struct("3i")
"""What Linux tells of the other end of a socket: process, user and group. Source: unix(7), SO_PEERCRED."""


@dataclass(frozen=True)
class Postmaster:
    """A server that runs. `process`: none where it is hidden from us."""

    pid: int
    process: psutil.Process | None

    @classmethod
    def found(
        cls,
        record: Path,
        data: Path,
        listens_at: Callable[[], Path],
        look: Callable[[int], psutil.Process] = psutil.Process,
    ) -> Self | None:
        """The postmaster that a lock file names, if that number still means it.

        `data`: the directory that it works in; `listens_at`: tells where its socket is, and is asked only about a
        hidden one; `look`: finds a process by its number.
        """
        pid = recorded_pid(record)
        if pid is None:
            return None
        try:
            process = look(pid)
            return cls(pid, process) if _does_anything(process) and Path(process.cwd()) == data else None
        except psutil.AccessDenied:
            return cls(pid, process)  # of another user; only the server's user writes postmaster.pid
        except psutil.NoSuchProcess:
            return cls(pid, None) if _takes_signals(pid) and _listens(listens_at, pid) else None

    @property
    def is_alive(self) -> bool:
        """Whether it still does anything."""
        return _takes_signals(self.pid) if self.process is None else _does_anything(self.process)


def recorded_pid(record: Path) -> int | None:
    """The process number in the first line of one of PostgreSQL's lock files."""
    try:
        return abs(int(record.read_text("ascii").splitlines()[0]))
    except (FileNotFoundError, ValueError, IndexError):
        return None


def is_used(pid: int) -> bool:
    """Whether the system knows any process by this number, be it hidden from us."""
    return psutil.pid_exists(pid) or _takes_signals(pid)


def _does_anything(process: psutil.Process) -> bool:
    """Whether a process is not dead: a dead one stays listed until its parent has noticed."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _takes_signals(pid: int) -> bool:
    """Whether there is a process that we may end; the server is one, since it runs as the user who starts it."""
    with suppress(OSError, OverflowError):
        os.kill(pid, 0)
        return True
    return False


def _listens(path: Callable[[], Path], pid: int) -> bool:
    """Whether this process listens at a socket: also where somebody does who is too busy to let anybody in.

    Else a server that is merely overloaded would be taken for a dead one, whose lock files may be written over.
    """
    if sys.platform != "linux":
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(1)
            asking.connect(str(path()))
            told = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except (TimeoutError, BlockingIOError):
        return True
    except OSError:
        return False
    return bool(_CREDENTIALS.unpack(told)[0] == pid)
