"""Keys that are taken already, recognised whatever code the database says it with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import asyncpg

if TYPE_CHECKING:
    from types import TracebackType

_SAID: Final = "duplicate key value violates unique constraint"


class DuplicateKeyError(Exception):
    """A row with the same key is there: another process was first. Its cause is what the database said."""


class duplicate_keys:  # noqa: N801 - used as a context manager, as those of contextlib
    """Raises DuplicateKeyError in the place of what the database says of a taken key.

    PostgreSQL says it with the code 23505. Citus copies the rows of an INSERT … SELECT to their shard, and passes on
    what those meet as an internal error (XX000), of which only the words tell what it was; `db distribute` sees to it
    that all machines of a cluster use the same words.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if error is not None and is_duplicate(error):
            raise DuplicateKeyError(str(error)) from error


def is_duplicate(error: BaseException) -> bool:
    """Whether the database says with `error` that a key is taken."""
    if isinstance(error, asyncpg.UniqueViolationError):
        return True
    return isinstance(error, asyncpg.InternalServerError) and str(error).startswith(_SAID)
