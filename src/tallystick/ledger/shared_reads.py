"""Reads that wait at the same time share one statement, and what it costs, without ever seeing anything stale."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(slots=True)
class SharedReads(Generic[Key, Value]):
    """Looks values up by key, in groups: `read` gets the keys of a group and returns what it finds.

    Nothing is kept: each answer comes from a statement that began after it was asked for. A key that is revoked is
    therefore refused from the next call on, in every process.
    """

    read: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Value]]]
    _waiting: dict[Key, asyncio.Future[Value | None]] = field(default_factory=dict)
    _reader: asyncio.Task[None] | None = None

    async def find(self, key: Key) -> Value | None:
        """The value of `key`, None when there is none. Raises what `read` raises."""
        answer = self._waiting.get(key)
        if answer is None:
            self._waiting[key] = answer = asyncio.get_running_loop().create_future()
        if self._reader is None:
            self._reader = asyncio.create_task(self._read_all())
        return await asyncio.shield(answer)  # one who gives up must not end the others' wait

    async def _read_all(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, {}
                await self._read_group(group)
        finally:
            self._reader = None

    async def _read_group(self, group: Mapping[Key, asyncio.Future[Value | None]]) -> None:
        try:
            found = await self.read(list(group))
        except Exception as error:  # noqa: BLE001 - everybody who waits must hear of it
            for answer in group.values():
                answer.set_exception(error)
                answer.exception()  # heard of, even when all who waited have gone
            return
        for key, answer in group.items():
            answer.set_result(found.get(key))
