"""Commands that the service carries out by itself: what a rail has answered, what has run out, what is returned.

No caller waits for their outcome, so a refusal that passes, such as one while the clock is doubted, must not be taken
for an end: what the command was about would stay open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.refusals import Refused

if TYPE_CHECKING:
    from tallystick.domain.commands import Command
    from tallystick.domain.ids import BookId
    from tallystick.domain.outcomes import Outcome
    from tallystick.services.context import Service


class NotCarriedOutError(RuntimeError):
    """A command of the service's own was refused, and nothing was done."""


async def carry_out(service: Service, book_id: BookId, command: Command) -> Outcome:
    """Carry out `command`. Raises NotCarriedOutError, and what the committer raises: it is to be tried again."""
    outcome = await service.committer.perform(book_id, command)
    if isinstance(outcome, Refused):
        raise NotCarriedOutError(f"{type(command).__name__}: {outcome.refusal.name}: {outcome.message}")
    return outcome
