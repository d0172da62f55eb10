"""Sockets on which this process listens, and how they are left without losing anybody who has just connected.

Linux completes connections by itself and keeps them until they are accepted. When a socket is closed, those that wait
in its queue are reset, also where a request was sent already: a proxy in front does not know whether it was carried
out, and must not send it to another server. So before the end a filter drops what asks for a new connection. Who is
dropped asks again after a second and is refused by then: nothing was sent, and a proxy tries the next server.
"""

from __future__ import annotations

import ctypes
import os
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from tallystick.cli.serving.connections import DESCRIPTORS

_ATTACH_FILTER: Final = 26  # SO_ATTACH_FILTER of asm-generic/socket.h; Python has no name for it
_FLAGS: Final = 13  # byte of a TCP header
_SYN: Final = 0x02
_SYN_OR_ACK: Final = 0x12
_WHOLE: Final = 0xFFFF_FFFF
_WITHOUT_OPENINGS: Final = (
    (0x30, 0, 0, _FLAGS),  # load the flags
    (0x54, 0, 0, _SYN_OR_ACK),
    (0x15, 0, 1, _SYN),  # SYN alone opens a connection
    (0x06, 0, 0, 0),  # it is dropped
    (0x06, 0, 0, _WHOLE),  # all else passes
)
"""A classic BPF program; the kernel runs it on packets for the socket, from their TCP header on."""

_WAITING: Final = struct.Struct(
    "=24xI"
)  # tcpi_unacked of struct tcp_info: of one that listens, the length of its queue


def can_refuse() -> bool:
    """Whether this system can stop new connections without closing the socket."""
    return sys.platform == "linux"


@contextmanager
def listeners(port: int) -> Iterator[list[socket.socket]]:
    """The sockets of this process that listen on a port, whoever opened them, as long as this is open."""
    found: list[socket.socket] = []
    try:
        for name in os.listdir(DESCRIPTORS):  # noqa: PTH208 - as the guard of connections does
            with suppress(OSError):  # closed meanwhile
                borrowed = any(one.fileno() == int(name) for one in found)  # the list's own descriptor is free again
                if borrowed or not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                    continue
                one = socket.socket(fileno=os.dup(int(name)))
                if _listens(one, port):
                    found.append(one)
                else:
                    one.close()
        yield found
    finally:
        for one in found:
            one.close()


def _listens(one: socket.socket, port: int) -> bool:
    return (
        one.family in {socket.AF_INET, socket.AF_INET6}
        and bool(one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        and one.getsockname()[1] == port
    )


def refuse_new(listener: socket.socket) -> None:
    """Let nobody connect any more, without closing the socket: those who have connected go on. Raises OSError."""
    program = b"".join(struct.pack("=HBBI", *one) for one in _WITHOUT_OPENINGS)
    kept = ctypes.create_string_buffer(program, len(program))
    argument = struct.pack("@HP", len(_WITHOUT_OPENINGS), ctypes.addressof(kept))  # struct sock_fprog
    listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, argument)


def waiting(listener: socket.socket) -> int:
    """How many connections wait to be accepted. Raises OSError."""
    told = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _WAITING.size)
    (length,) = _WAITING.unpack(told)
    return int(length)
