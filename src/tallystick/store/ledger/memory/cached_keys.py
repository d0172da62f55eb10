"""Commands of a group that were signed with cached keys: which of these are good still, and who reads theirs again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from tallystick.domain.commands import Command
from tallystick.store.keys.access_keys import CurrentKeys, StaleCachedKeyError
from tallystick.store.ledger.command_queue import QueuedCommand

Kind = TypeVar("Kind", bound=Command)


def with_unchanged_keys(group: Sequence[QueuedCommand[Kind]], keys: CurrentKeys) -> list[QueuedCommand[Kind]]:
    """Those whose cached keys are still as in `keys`. The callers of the others have to read theirs again."""
    same: dict[int, bool] = {}  # by identity: most have the very same key
    for waiting in group:
        key = waiting.key
        if key is not None and id(key) not in same:
            same[id(key)] = key.still_is(keys)
    signed = []
    for waiting in group:
        if waiting.key is None or same[id(waiting.key)]:
            waiting.key = None  # revalidated: a version conflict later on does not matter to it
            signed.append(waiting)
        else:
            _reject_stale_key(waiting)
    return signed


def without_cached_keys(group: Sequence[QueuedCommand[Kind]]) -> list[QueuedCommand[Kind]]:
    """Those without a cached key. The callers of the others have to read their keys again."""
    for waiting in group:
        if waiting.key is not None:
            _reject_stale_key(waiting)
    return [waiting for waiting in group if waiting.key is None]


def _reject_stale_key(waiting: QueuedCommand[Kind]) -> None:
    if waiting.key is not None and not waiting.answer.done():
        waiting.answer.set_exception(StaleCachedKeyError(waiting.key.access_key_id))
