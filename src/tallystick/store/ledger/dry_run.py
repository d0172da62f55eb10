"""A dry run: what commands would come to on the state of this moment, with nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tallystick.db.database import in_transaction
from tallystick.domain.decide import decide_all
from tallystick.store.ledger.load import load

if TYPE_CHECKING:
    from tallystick.db.connections import Connection
    from tallystick.domain.commands import Command
    from tallystick.domain.ids import BookId
    from tallystick.domain.state import Decision
    from tallystick.store.ledger.committer import Committer


async def dry_run(committer: Committer, book_id: BookId, commands: Sequence[Command]) -> list[Decision]:
    """What each of `commands` would be answered and change, each after those before it.

    Loading locks what they name until all is decided, as on the money path. What is decided a moment later may differ.
    """

    async def work(connection: Connection) -> list[Decision]:
        loaded = await load(connection, book_id, commands, committer.clock, committer.rules)
        return decide_all(loaded.state, commands, loaded.now)

    return await in_transaction(committer.pool, work)
