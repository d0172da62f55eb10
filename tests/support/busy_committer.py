"""A committer that has no time for one command, or doubts its clock for so long: that one does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.refusals import Refusal, Refused

if TYPE_CHECKING:
    from tallystick.domain.commands import Command
    from tallystick.domain.ids import BookId
    from tallystick.domain.outcomes import Outcome
    from tallystick.store.ledger.committer import Committer


class BusyCommitter:
    """Refuses the command of this number, counted from 1, and carries all others out."""

    def __init__(self, committer: Committer, number: int, refusal: Refusal) -> None:
        self.committer = committer
        self.before = number
        self.refusal = refusal

    async def perform(self, book_id: BookId, command: Command) -> Outcome:
        self.before -= 1
        if self.before == 0:
            return Refused(self.refusal, "Nothing was done. Try again later.")
        return await self.committer.perform(book_id, command)

    def __getattr__(self, name: str) -> object:
        return getattr(self.committer, name)
