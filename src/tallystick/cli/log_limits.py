"""Lines of the log that say the same again and again: one of them is let through, the next tells how many were not.

While a database is out of reach, or a disk full, everything that is tried fails: without a limit the log would fill
the disk that is left.
"""

from __future__ import annotations

import errno
import logging
import re
import sys
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import asyncpg

from tallystick.db.connections import DAMAGED, UNAVAILABLE

MINUTE_SECONDS: Final = 60.0
AT_ONCE: Final = 20
"""So many lines of one kind pass at once, and as many a minute, unless they tell of a database that is out of order."""
MOST_KINDS: Final = 500
"""Of so many kinds of lines is remembered how many there were: names in lines may be anybody's."""

_FULL: Final = "No space left on device"
_REPR: Final = re.compile(r"^([A-Za-z_]+)\(")
_LAST_LINE: Final = re.compile(r"^(?:\w+\.)*(\w+)(?::|$)")


@dataclass(slots=True)
class _Kind:
    """Lines of one kind: how many may still pass, as of when, and how many did not since the last one that did."""

    left: float
    at: float
    held_back: int = 0


@dataclass(slots=True, eq=False)
class LineLimits:
    """A filter for a handler of `logging`: warnings and errors of one kind pass so often as their kind may.

    The same kind are lines of one logger with one event and one class of exception. What tells of a full disk or of
    damaged pages is one kind, whoever says it: one line a minute, without its traceback.
    """

    now: Callable[[], float] = monotonic
    _kinds: dict[Hashable, _Kind] = field(default_factory=dict)

    def __call__(self, record: logging.LogRecord) -> bool:
        """Whether the line passes. One that does tells how many of its kind did not before it."""
        if record.levelno < logging.WARNING:
            return True
        error = _class_of_error(record)
        kind: Hashable = (record.name, _event(record), error)
        most = AT_ONCE
        if error is not None and _tells_of_the_database(record, error):
            kind = error if issubclass(error, asyncpg.PostgresError) else (_event(record), error)
            most = 1
            _shorten(record)
        return self._passes(kind, most, record)

    def _passes(self, name: Hashable, most: int, record: logging.LogRecord) -> bool:
        now = self.now()
        kind = self._kinds.pop(name, None) or _Kind(most, now)
        self._kinds[name] = kind  # the one that was asked for last is the last that is forgotten
        if len(self._kinds) > MOST_KINDS:
            del self._kinds[next(iter(self._kinds))]
        kind.left = min(float(most), kind.left + (now - kind.at) * most / MINUTE_SECONDS)
        kind.at = now
        if kind.left < 1:
            kind.held_back += 1
            return False
        kind.left -= 1
        if kind.held_back:
            _add(record, "held_back", kind.held_back)
            kind.held_back = 0
        return True


def _tells_of_the_database(record: logging.LogRecord, error: type[BaseException]) -> bool:
    """Whether the line is one of the many that there are while the database is out of order."""
    return (
        issubclass(error, DAMAGED)
        or (issubclass(error, UNAVAILABLE) and issubclass(error, (asyncpg.PostgresError, ConnectionError)))
        or _event(record) == "database_unavailable"
    )


def _event(record: logging.LogRecord) -> str:
    """What the line is about: structlog's event, or the message before values are put in."""
    return str(record.msg.get("event", "")) if isinstance(record.msg, dict) else str(record.msg)


def _class_of_error(record: logging.LogRecord) -> type[BaseException] | None:
    """The class of the exception that the line tells of, as an object or in words.

    DiskFullError stands for all that tells of a full disk: the database's, the system's, and what its end left behind.
    """
    fields = record.msg if isinstance(record.msg, dict) else {}
    given = fields.get("exc_info") or record.exc_info
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = str(fields.get("error", ""))
    if (isinstance(error, OSError) and error.errno == errno.ENOSPC) or _FULL in f"{text}{error}":
        return asyncpg.DiskFullError
    if isinstance(error, BaseException):
        return type(error)
    if found := _REPR.match(text):
        return _class_named(found[1])
    lines = str(fields.get("traceback", "")).strip().splitlines()
    if lines and (found := _LAST_LINE.match(lines[-1])):
        return _class_named(found[1])
    return None


def _class_named(name: str) -> type[BaseException] | None:
    """One of the database's or of Python's own; they are all that is told apart."""
    found = getattr(asyncpg, name, None) or getattr(sys.modules["builtins"], name, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def _shorten(record: logging.LogRecord) -> None:
    """Leave out where it happened: it is no fault of the program's, and would be the same each time."""
    if isinstance(record.msg, dict):
        fields = record.msg
        given = fields.pop("exc_info", None)
        error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
        lines = str(fields.pop("traceback", "")).strip().splitlines()
        if "error" not in fields:
            fields["error"] = repr(error) if isinstance(error, BaseException) else (lines[-1] if lines else "")
    record.exc_info = None


def _add(record: logging.LogRecord, name: str, value: int) -> None:
    if isinstance(record.msg, dict):
        record.msg[name] = value
    else:
        record.msg = f"{record.msg} ({name}: {value})"
