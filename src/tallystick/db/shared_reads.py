"""Reads that wait at the same time share one statement, and what it costs, without ever seeing anything stale."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
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
    _waiting: dict[Key, list[asyncio.Future[Value | None]]] = field(default_factory=dict)
    _reader: asyncio.Task[None] | None = None

    def find(self, key: Key) -> asyncio.Future[Value | None]:
        """The value of `key`, None when there is none. Raises what `read` raises."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Value | None] = loop.create_future()
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = []
        waiting.append(answer)  # one each: cancelling one caller must not cancel the others' wait
        if self._reader is None:
            self._reader = loop.create_task(self._read_all())
        return answer

    async def _read_all(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, {}
                await self._read_group(group)
        finally:
            self._reader = None

    async def _read_group(self, group: Mapping[Key, Sequence[asyncio.Future[Value | None]]]) -> None:
        try:
            found = await self.read(list(group))
        except Exception as error:  # noqa: BLE001 - everybody who waits must hear of it
            for answer in chain.from_iterable(group.values()):
                if not answer.done():  # its caller may have gone
                    answer.set_exception(error)
            return
        for key, answers in group.items():
            value = found.get(key)
            for answer in answers:
                if not answer.done():
                    answer.set_result(value)
