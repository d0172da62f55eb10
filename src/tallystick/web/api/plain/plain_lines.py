"""The short way of a batch's lines: payments of balances or tabs with nothing unusual about them, as nearly all are.

It is there where its reader was compiled (domain/_plain_payments.pyx), which takes a line from its bytes to checked
values. What it does not take is read by the general way, which says what is wrong, if anything is. A line that is taken
becomes the command that the general way makes of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from tallystick.domain import commands
from tallystick.domain.commands import Marketplace
from tallystick.domain.ids import BookId, TokenId
from tallystick.domain.refusals import Refused
from tallystick.services.process.transaction_ids import fresh_transaction_ids
from tallystick.web.api.calls import check_account

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from types import ModuleType

    from tallystick.services.api.callers import AccessKey
    from tallystick.services.context import Service

PlainLine: TypeAlias = tuple[str, TokenId, BookId, int, bytes, str | None, str | None]
"""CallerReference, token, its book, micro-units, digest of what is asked for, CallerDescription, SenderDescription."""

_TWO_PARTIES: Final = Marketplace()


@dataclass(frozen=True, slots=True)
class PlainLines:
    """Reads lines of one batch, signed with `key`, whose own Timestamp is `made_at`."""

    service: Service
    key: AccessKey
    made_at: datetime
    reader: ModuleType

    def read(self, line: bytes) -> PlainLine | None:
        """What a line asks for; None: the general way has to look at it."""
        read: PlainLine | None = self.reader.read_line(line)
        return read if read is not None and read[2] in self.key.parts else None

    def commands(self, lines: Sequence[PlainLine]) -> list[commands.Pay]:
        """What `services/actions/pay.py` makes of such lines, with ids in their order.

        Raises Refused: ServiceUnavailable: the clock is wrong.
        """
        book_now = self.service.moment_of_ids() + self.key.clock_offset
        wanted = Counter([book_id for _, _, book_id, *_ in lines])
        ids = {book_id: iter(fresh_transaction_ids(book_id, book_now, count)) for book_id, count in wanted.items()}
        party_id, made_at = self.key.party_id, self.made_at
        return [
            commands.Pay(
                commands.Request(next(ids[book_id]), party_id, reference, digest, made_at, of_caller, of_sender),
                token_id,
                amount_micros,
                _TWO_PARTIES,
            )
            for reference, token_id, book_id, amount_micros, digest, of_caller, of_sender in lines
        ]


def plain_lines(service: Service, key: AccessKey, made_at: datetime, reader: ModuleType | None) -> PlainLines | None:
    """The short way of a batch; None: there is none, or its caller's account is not in order."""
    if reader is None:
        return None
    try:
        check_account(key)
    except Refused:  # each line hears of it, once all else about it is right
        return None
    return PlainLines(service, key, made_at, reader)
