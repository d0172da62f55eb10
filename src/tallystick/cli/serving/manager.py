"""What a service manager such as systemd gives a process, and what it is told: a listening socket, and how far we are.

The manager keeps the socket while one process ends and the next one starts: connections wait in its queue meanwhile,
and none is refused. Source: sd_listen_fds(3), sd_notify(3).
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Final

from tallystick.cli.output import ProblemError

_FIRST: Final = 3
"""The descriptor of the first socket that is handed over: it follows those of standard input, output and error."""

_OURS: Final = "LISTEN_PID"
_COUNT: Final = "LISTEN_FDS"
_NAMES: Final = "LISTEN_FDNAMES"
_NOTIFY: Final = "NOTIFY_SOCKET"

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"


def handed_socket(environ: MutableMapping[str, str]) -> socket.socket | None:
    """The listening socket that the manager has handed to this process; None: there is none.

    The variables that tell of it are taken out of `environ`: programs that this one starts have no such socket.
    Raises ProblemError: it is not one listening socket of TCP.
    """
    ours, count = environ.get(_OURS), environ.get(_COUNT, "0")
    if ours != str(os.getpid()):
        return None
    for name in (_OURS, _COUNT, _NAMES):
        environ.pop(name, None)
    if count != "1":
        raise ProblemError(f"the service listens on one socket; {count} were handed to it (LISTEN_FDS)")
    return listener_of(_FIRST)


def listener_of(descriptor: int) -> socket.socket:
    """The socket with this descriptor, which programs that are started do not get. Raises ProblemError."""
    try:
        found = socket.socket(fileno=descriptor)
    except OSError as error:
        raise ProblemError(f"there is no socket at descriptor {descriptor}: {error.strerror}") from None
    listens = found.family in {socket.AF_INET, socket.AF_INET6} and found.type == socket.SOCK_STREAM
    if not listens or not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        found.detach()
        raise ProblemError(f"what is at descriptor {descriptor} is no listening socket of TCP")
    found.setblocking(False)
    os.set_inheritable(descriptor, False)
    return found


def tell_manager(state: str, environ: MutableMapping[str, str]) -> None:
    """Tell the manager how far this process is: READY or STOPPING. Nothing, where there is none or it does not hear."""
    address = environ.get(_NOTIFY, "")
    if not address.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.connect("\0" + address[1:] if address.startswith("@") else address)
        told.sendall(state.encode())
