"""Lists: whole, object by object, or a page at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from tallystick_client.base import Page

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A list that is asked for while it is read: ``for charge in ts.charges.list(): …``. Each loop asks anew."""

    _fetch: Callable[[str | None], Page[T]]
    _cursor: str | None = None

    def __iter__(self) -> Iterator[T]:
        """Every object, page after page."""
        for page in self.pages():
            yield from page.data

    def pages(self) -> Iterator[Page[T]]:
        """Every page."""
        page = self.page()
        yield page
        while page.next_cursor is not None:
            page = self._fetch(page.next_cursor)
            yield page

    def page(self) -> Page[T]:
        """The first page, or the one at the `cursor` that was given."""
        return self._fetch(self._cursor)


@dataclass(frozen=True, slots=True)
class AsyncListing(Generic[T]):
    """A list that is asked for while it is read: ``async for charge in ts.charges.list(): …``. Each loop asks anew."""

    _fetch: Callable[[str | None], Awaitable[Page[T]]]
    _cursor: str | None = None

    async def __aiter__(self) -> AsyncIterator[T]:
        """Every object, page after page."""
        async for page in self.pages():
            for one in page.data:
                yield one

    async def pages(self) -> AsyncIterator[Page[T]]:
        """Every page."""
        page = await self.page()
        yield page
        while page.next_cursor is not None:
            page = await self._fetch(page.next_cursor)
            yield page

    async def page(self) -> Page[T]:
        """The first page, or the one at the `cursor` that was given."""
        return await self._fetch(self._cursor)
