"""Limits on clients' connections: in all, per address, and for readers that are too slow. What exceeds them is closed.

The HTTP server accepts and closes connections in a thread of its own and offers no limit but their total number. Its
sockets are descriptors of this process, though: a few times a second a scan of them finds what exceeds a limit and
shuts it down; the server then closes the connection as if the client had gone. No request pays for that. Decision 090
tells why.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import resource
import socket
import stat
import struct
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Final, TypeAlias

import structlog

from tallystick.settings import MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ADDRESS, Settings

RESERVED_DESCRIPTORS: Final = 256
"""For the database, files, notifications and what else is open beside the connections of clients."""

SLOWEST_BYTES_PER_SECOND: Final = 512
SLOW_READER_SECONDS: Final = 20.0
"""A client that reads an answer more slowly than this, on average over so many seconds, is disconnected."""

_CALM_LOOKS: Final = 20
"""Of the time that a slow reader has, a connection to which nothing was owed is asked about again after one part in so
many: a second. One to which something is owed is asked about in each look.
"""

_PAUSE_SECONDS: Final = 0.25
_SHARE_OF_TIME: Final = 20
"""A look takes at most one part in so many of our time: with thousands of connections the pauses grow."""
_SHORT_PAUSE_SECONDS: Final = 0.02
_LARGE_SHARE: Final = 4
_TELL_SECONDS: Final = 60.0
DESCRIPTORS: Final = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
"""Where the descriptors of this process are listed."""
_INTERNET: Final = (socket.AF_INET, socket.AF_INET6)

_TCP_INFO: Final = struct.Struct("=24xI16xI4xI64xQ16xI")  # struct tcp_info of linux/tcp.h
_NETWORK_BYTES: Final = 8
"""Of an IPv6 address: one customer has all addresses that begin with them."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """For one process. `per_address` None: who connects is a proxy of ours, or may be one."""

    in_all: int = MAX_CONNECTIONS
    per_address: int | None = MAX_CONNECTIONS_PER_ADDRESS
    per_address_of_this_machine: bool = False
    """Whether `per_address` binds clients on this machine, too: one of them may be a proxy that nobody told us of."""
    slow_reader_seconds: float = SLOW_READER_SECONDS


def limits_of(settings: Settings) -> ConnectionLimits:
    """The limits that the settings ask for; none per address behind proxies, whose few addresses all clients share."""
    behind_proxies = settings.reverse_proxies > 0 or settings.secure_cookies
    per_address = None if behind_proxies else settings.max_connections_per_address or None
    return ConnectionLimits(in_all=settings.max_connections, per_address=per_address)


def raise_descriptor_limit() -> int:
    """Raise this process's limit of open descriptors as far as the system allows; return the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536)
    if wanted > soft:
        with suppress(ValueError, OSError):  # macOS has another limit below the hard one
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def affordable(limits: ConnectionLimits, descriptors: int, each: int = 1) -> ConnectionLimits:
    """The limits, lowered to what so many descriptors allow: between two scans the server accepts a few more.

    `each`: how many a connection may take.
    """
    most = max(16, (descriptors - RESERVED_DESCRIPTORS) * 4 // 5 // each)
    if most >= limits.in_all:
        return limits
    _log.warning("few_descriptors", descriptors=descriptors, connections=most, wanted=limits.in_all)
    return replace(limits, in_all=most)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the system knows of a connection. Times in milliseconds, counted back from now.

    `owed_bytes`: sent by us, and not yet taken by the client's system, or not even sent because that takes no more.
    """

    sent_ms: int = 0
    received_ms: int = 0
    owed_bytes: bool = False
    taken_bytes: int = 0

    @property
    def answered(self) -> bool:
        """Whether everything was answered and read: the connection is idle until its client sends another request."""
        return not self.owed_bytes and self.taken_bytes > 1 and self.sent_ms <= self.received_ms


def traffic_of(connection: socket.socket) -> Traffic:
    """The kernel's counters of a connection (TCP_INFO); all zero outside of Linux."""
    if sys.platform != "linux":
        return Traffic()
    known = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
    if len(known) < _TCP_INFO.size:  # a system of before 2016
        return Traffic()
    unacknowledged, sent_ms, received_ms, taken, not_sent = _TCP_INFO.unpack(known)
    return Traffic(sent_ms, received_ms, bool(unacknowledged or not_sent), taken)


@dataclass(slots=True)
class _Known:
    """A connection that was seen before, by the number that its socket has as long as it is open."""

    family: int
    network: str
    local: bool
    since: float
    owing_since: float | None = None
    taken_then: int = 0
    calm_until: float = 0.0
    """When it is to be asked about again, if nothing is owed to it."""

    def is_due(self, now: float) -> bool:
        """Whether it is to be looked at whether its client reads."""
        return self.owing_since is not None or now >= self.calm_until

    def is_too_slow(self, traffic: Traffic, now: float, allowed_seconds: float) -> bool:
        """Whether its client reads an answer too slowly, or not at all."""
        if not traffic.owed_bytes:
            self.owing_since, self.calm_until = None, now + allowed_seconds / _CALM_LOOKS
            return False
        if self.owing_since is None:
            self.owing_since, self.taken_then = now, traffic.taken_bytes
            return False
        seconds = now - self.owing_since
        if seconds < allowed_seconds:
            return False
        slow = traffic.taken_bytes - self.taken_then < seconds * SLOWEST_BYTES_PER_SECOND
        self.owing_since, self.taken_then = now, traffic.taken_bytes
        return slow


@dataclass(slots=True)
class ConnectionGuard:
    """Watches the connections that clients of a port have to this process. `traffic`: what the system knows of one."""

    port: int
    limits: ConnectionLimits
    traffic: Callable[[socket.socket], Traffic] = traffic_of
    cut: Counter[str] = field(default_factory=Counter)
    """How many connections were cut, by the reason."""
    _known: dict[int, _Known] = field(default_factory=dict)
    _strangers: set[int] = field(default_factory=set)
    """Inodes of sockets that are no connections of clients."""
    _told: float = 0.0

    @property
    def open(self) -> int:
        """How many connections of clients there were when it was last looked."""
        return len(self._known)

    async def run(self) -> None:
        """Scan again and again, until cancelled."""
        while True:
            began, before = monotonic(), self.cut["full"]
            self.look(began)
            crowded = self.cut["full"] > before  # more may wait behind those, whom the server does not accept yet
            pause, share = (_SHORT_PAUSE_SECONDS, _LARGE_SHARE) if crowded else (_PAUSE_SECONDS, _SHARE_OF_TIME)
            await asyncio.sleep(max(pause, (monotonic() - began) * share))

    def look(self, now: float) -> None:
        """Scan once, and shut down what exceeds a limit. `now`: seconds of a monotonic clock."""
        before, found = self.cut.total(), dict[int, _Found]()
        for inode, descriptor in self._sockets():
            known = self._known[inode]
            if not known.is_due(now) or not self._is_cut_as_too_slow(descriptor, inode, known, now):
                found[inode] = (descriptor, known)
        for reason, inode in self._too_many(found):
            descriptor, known = found[inode]
            with suppress(OSError), _borrowed(descriptor, inode, known.family) as connection:
                self._cut(connection, reason)
        if self.cut.total() > before and now - self._told >= _TELL_SECONDS:
            self._told = now
            _log.warning("connections_cut", open=len(found), since_start=dict(self.cut))

    def _is_cut_as_too_slow(self, descriptor: int, inode: int, known: _Known, now: float) -> bool:
        """Cut a connection whose client reads too slowly; whether it was, or is gone by itself."""
        with suppress(OSError), _borrowed(descriptor, inode, known.family) as connection:
            if not known.is_too_slow(self.traffic(connection), now, self.limits.slow_reader_seconds):
                return False
            # What they have not taken is dropped, too, when the server closes it.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._cut(connection, "slow_reader")
        return True

    def owing(self) -> int:
        """To how many connections something is owed: an answer, the rest of one, or to hear their first request."""
        owing = 0
        for inode, descriptor in self._sockets():
            with suppress(OSError), _borrowed(descriptor, inode, self._known[inode].family) as connection:
                owing += not self.traffic(connection).answered
        return owing

    def cut_all(self) -> None:
        """Shut down every connection of a client."""
        for inode, descriptor in self._sockets():
            with suppress(OSError), _borrowed(descriptor, inode) as connection:
                self._cut(connection, "end")

    def _cut(self, connection: socket.socket, reason: str) -> None:
        connection.shutdown(socket.SHUT_RDWR)
        self.cut[reason] += 1

    def _sockets(self) -> list[tuple[int, int]]:
        """Inode and descriptor of each connection of a client. Forgets those that are closed."""
        found, all_inodes = [], set()
        for name in os.listdir(DESCRIPTORS):  # noqa: PTH208 - thousands of paths would be made in vain
            descriptor = int(name)
            try:
                status = os.fstat(descriptor)
            except OSError:  # closed meanwhile
                continue
            if not stat.S_ISSOCK(status.st_mode):
                continue
            inode = status.st_ino
            all_inodes.add(inode)
            if inode not in self._known and inode not in self._strangers:
                self._meet(inode, descriptor)
            if inode in self._known:
                found.append((inode, descriptor))
        for gone in self._known.keys() - all_inodes:
            del self._known[gone]
        self._strangers &= all_inodes
        return found

    def _meet(self, inode: int, descriptor: int) -> None:
        """Decide whether a socket is a client's connection to our port; one not connected yet is decided later."""
        with suppress(OSError), _borrowed(descriptor, inode) as found:
            if found.family not in _INTERNET or found.type != socket.SOCK_STREAM or found.getsockname()[1] != self.port:
                self._strangers.add(inode)
                return
            network, local = _network(found.getpeername()[0])
            self._known[inode] = _Known(found.family, network, local, monotonic())

    def _too_many(self, found: dict[int, _Found]) -> Iterator[tuple[str, int]]:
        """Reason and inode of each connection above a limit: idle ones first, of these the one idle for longest."""
        left, limits = set(found), self.limits
        if limits.per_address is not None and len(found) > limits.per_address:
            by_network: defaultdict[str, list[int]] = defaultdict(list)
            for inode, (_, known) in found.items():
                if limits.per_address_of_this_machine or not known.local:
                    by_network[known.network].append(inode)
            for inodes in by_network.values():
                for inode in self._first_to_go(found, inodes, limits.per_address):
                    left.discard(inode)
                    yield "address", inode
        for inode in self._first_to_go(found, left, limits.in_all):
            yield "full", inode

    def _first_to_go(self, found: dict[int, _Found], inodes: Collection[int], most: int) -> list[int]:
        """Those of `inodes` beyond the `most` that may stay. Only where there are such is the system asked about all.

        Idle connections go before those with a request under way; the oldest first.
        """
        if len(inodes) <= most:
            return []
        turns: dict[int, tuple[bool, float]] = {}
        for inode in inodes:
            descriptor, known = found[inode]
            with suppress(OSError), _borrowed(descriptor, inode, known.family) as connection:
                traffic = self.traffic(connection)
                turns[inode] = not traffic.answered, -traffic.sent_ms if traffic.answered else known.since
        return sorted(turns, key=turns.__getitem__)[: max(0, len(turns) - most)]


_Found: TypeAlias = tuple[int, _Known]
"""A connection: its descriptor, and what is known of it."""


@contextmanager
def _borrowed(descriptor: int, inode: int, family: int = -1) -> Iterator[socket.socket]:
    """A socket of the server's, by a duplicate of its descriptor: the original may be closed and reused at any moment.

    `family`: of a connection of a client. What a socket is would be three more questions to the system.
    Raises OSError: it is gone.
    """
    kind, protocol = (-1, -1) if family == -1 else (socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with socket.socket(family, kind, protocol, fileno=os.dup(descriptor)) as ours:
        if os.fstat(ours.fileno()).st_ino != inode:
            raise OSError
        yield ours


def _network(address: str) -> tuple[str, bool]:
    """The network that counts as one client, and whether it is this machine."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return found.packed[:_NETWORK_BYTES].hex(), found.is_loopback
        found = found.ipv4_mapped
    return str(found), found.is_loopback
