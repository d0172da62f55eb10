"""A committer that breaks whenever one book is worked on, as with a bug that only this book's rows meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tallystick.domain.commands import Command
    from tallystick.domain.ids import BookId
    from tallystick.domain.outcomes import Outcome
    from tallystick.store.ledger.committer import Committer


class BrokenCommitter:
    """Raises RuntimeError for commands of the book, and carries those of all others out."""

    def __init__(self, committer: Committer, book_id: int) -> None:
        self.committer = committer
        self.book_id = book_id

    async def perform(self, book_id: BookId, command: Command) -> Outcome:
        if book_id == self.book_id:
            raise RuntimeError(f"book {book_id} cannot be worked on")
        return await self.committer.perform(book_id, command)

    def __getattr__(self, name: str) -> object:
        return getattr(self.committer, name)
