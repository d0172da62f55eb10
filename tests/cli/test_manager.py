"""What a service manager hands over, and what it is told."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tallystick.cli.output import ProblemError
from tallystick.cli.serving.manager import READY, handed_socket, listener_of, tell_manager


def test_a_socket_that_was_handed_to_another_process_is_not_ours() -> None:
    environ = {"LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDS": "1"}
    assert handed_socket(environ) is None
    assert handed_socket({}) is None


def test_more_than_one_socket_is_refused_and_not_passed_on() -> None:
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b", "HOME": "/"}
    with pytest.raises(ProblemError, match="one socket; 2 were handed"):
        handed_socket(environ)
    assert environ == {"HOME": "/"}


def test_only_a_listening_socket_of_tcp_is_taken(tmp_path: Path) -> None:
    with socket.socket() as listening, socket.socket() as idle, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        taken = listener_of(listening.fileno())
        assert taken.getsockname() == listening.getsockname()
        assert not os.get_inheritable(taken.detach())
        for wrong in (idle, datagrams):
            with pytest.raises(ProblemError, match="is no listening socket of TCP"):
                listener_of(wrong.fileno())
            assert wrong.fileno() >= 0, "it is not ours to close"
            wrong.getsockname()
    with (tmp_path / "file").open("w") as file, pytest.raises(ProblemError, match="there is no socket at descriptor"):
        listener_of(file.fileno())


def test_the_manager_is_told_at_a_path_or_at_an_abstract_address(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "manager"))
        tell_manager(READY, {"NOTIFY_SOCKET": str(tmp_path / "manager")})
        assert manager.recv(100) == b"READY=1"
    tell_manager(READY, {"NOTIFY_SOCKET": str(tmp_path / "manager")})  # nobody hears: no fault
    tell_manager(READY, {})
