"""Which server runs, as its lock file, the system and its socket tell: also where the system hides it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from tallystick.db.embedded.postmaster import Postmaster, is_used

SERVER = """
import socket, sys
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen(1)
print("listens", flush=True)
sys.stdin.read()
"""
NOBODYS = 2147483647

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux hides processes so")


@contextmanager
def server(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """What a postmaster does as far as it is looked at: it works in the data and listens at a socket there."""
    with subprocess.Popen(  # noqa: S603 - the program above
        (sys.executable, "-c", SERVER, "socket"),
        cwd=directory,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listens\n"
        yield process
        process.kill()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path.resolve()


def record(data: Path, pid: int) -> Path:
    path = data / "postmaster.pid"
    path.write_text(f"{pid}\n{data}\n")
    return path


def found(
    data: Path, pid: int, look: Callable[[int], psutil.Process] = psutil.Process, listens_at: str = "socket"
) -> Postmaster | None:
    return Postmaster.found(record(data, pid), data, lambda: data / listens_at, look)


def is_alive(running: Postmaster) -> bool:
    """Asked anew each time."""
    return running.is_alive


def hidden(pid: int) -> psutil.Process:
    """As `hidepid` has it: like a process that is no more."""
    raise psutil.NoSuchProcess(pid)


def test_a_server_is_found_by_its_number_and_where_it_works(data: Path, tmp_path: Path) -> None:
    with server(data) as process:
        running = found(data, process.pid)
        assert running is not None
        assert running.pid == process.pid
        assert is_alive(running)
        elsewhere = Postmaster.found(record(data, process.pid), tmp_path / "other", lambda: data / "socket")
        assert elsewhere is None, "the number is another process's by now"
    assert not is_alive(running)
    assert found(data, process.pid) is None


def test_nothing_is_found_where_nothing_is_said(data: Path) -> None:
    nowhere = data / "nowhere"
    assert Postmaster.found(nowhere, data, lambda: nowhere) is None
    (data / "empty").touch()
    assert Postmaster.found(data / "empty", data, lambda: nowhere) is None
    assert found(data, NOBODYS) is None
    assert not is_used(NOBODYS)


@needs_linux
def test_a_hidden_server_is_found_by_its_socket(data: Path) -> None:
    with server(data) as process:
        running = found(data, process.pid, hidden)
        assert running == Postmaster(process.pid, None)
        assert is_alive(running)
        assert is_used(process.pid)
    assert not is_alive(running)
    assert found(data, process.pid, hidden) is None


@needs_linux
def test_a_hidden_server_that_lets_nobody_in_is_no_dead_one(data: Path) -> None:
    with server(data) as process, ExitStack() as stack:
        while True:
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            try:
                waiting.connect(str(data / "socket"))
            except BlockingIOError:
                break
        assert found(data, process.pid, hidden) == Postmaster(process.pid, None)


@needs_linux
def test_a_number_that_is_used_again_is_no_server_be_it_hidden(data: Path) -> None:
    with server(data) as process, subprocess.Popen((sys.executable, "-c", "input()"), stdin=subprocess.PIPE) as other:
        assert found(data, other.pid, hidden) is None, "another one listens"
        assert found(data, process.pid, hidden, "no_socket") is None, "nobody listens"
        other.kill()
