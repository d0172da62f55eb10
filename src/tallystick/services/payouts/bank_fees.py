"""What the operator's bank keeps for itself: booked once, in whatever form and words a statement tells it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.domain.accounts import AccountKind
from tallystick.domain.banking.arrivals import BankFinding, BankFindingKind
from tallystick.domain.banking.bank_fees import BookedFee, has_fee, repeated
from tallystick.domain.rails.commands import BookMovement
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.store.payouts import bank_fees

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tallystick.domain.banking.bank_statements import BankEntry
    from tallystick.domain.ids import BookId
    from tallystick.services.context import Service
    from tallystick.store.payouts.statements import GivenStatement

BANK: Final = "bank"
"""By which name the operator's book has what the bank keeps for itself."""

_AT_ONCE: Final = 200


async def repeated_in(service: Service, book_id: BookId, given: GivenStatement) -> list[BankEntry]:
    """The entries of a statement whose fees another statement's entries seem to have had: nothing is booked of them."""
    return repeated(given.entries, given.account, await _booked(service, book_id, given))


def total(entries: Sequence[BankEntry], but: Collection[BankEntry]) -> int:
    """The fees of these entries, without those of `but`, in micro-units."""
    left_out = {entry.entry_id for entry in but}
    return sum(entry.fee_micros for entry in entries if has_fee(entry) and entry.entry_id not in left_out)


def finding_of(entry: BankEntry) -> BankFinding:
    """An entry whose fee is booked by all appearance, so that both sides say the same."""
    return BankFinding(
        BankFindingKind.KNOWN_FEE, entry.reference, entry.day, entry.fee_micros, entry.fee_micros, entry.entry_id
    )


async def book(service: Service, book_id: BookId, given: GivenStatement, another: Collection[str]) -> None:
    """Book the fees of a statement, each once. `another`: entries that somebody says are no fees that were told before.

    Which entry has which fee is written down first: of two statements that are booked at once, in other words for the
    same fee, one gets it, and the other one repeats it.
    """
    await _claim(service, book_id, given, another)
    own = {fee.entry_id for fee in await _booked(service, book_id, given)}
    commands = [
        BookMovement(
            fresh_transaction_id(book_id, service.clock()),
            BANK,
            entry.entry_id,
            AccountKind.RAIL_FEES,
            entry.fee_micros,
        )
        for entry in given.entries
        if has_fee(entry) and entry.entry_id in own
    ]
    for first in range(0, len(commands), _AT_ONCE):
        for outcome in await service.committer.perform_all(book_id, commands[first : first + _AT_ONCE]):
            if isinstance(outcome, Exception):
                raise outcome


async def _claim(service: Service, book_id: BookId, given: GivenStatement, another: Collection[str]) -> None:
    """Until each entry has a fee of its own or repeats one: whoever is overtaken by another statement looks again."""
    while True:
        booked = await _booked(service, book_id, given)
        known = {fee.entry_id for fee in booked}
        repeats = {entry.entry_id for entry in repeated(given.entries, given.account, booked)} - set(another)
        new = [one for one in given.entries if has_fee(one) and one.entry_id not in known | repeats]
        if not new:
            return
        last: dict[tuple[object, int], int] = {}
        for fee in booked:
            last[fee.day, fee.fee_micros] = max(fee.number, last.get((fee.day, fee.fee_micros), 0))
        for entry in new:
            key = entry.day, entry.fee_micros
            last[key] = last.get(key, 0) + 1
            fee = BookedFee(entry.entry_id, entry.day, entry.fee_micros, last[key], given.account)
            if not await bank_fees.claim(service.pool, book_id, fee):
                break


async def _booked(service: Service, book_id: BookId, given: GivenStatement) -> list[BookedFee]:
    return await bank_fees.of_days(service.pool, book_id, {entry.day for entry in given.entries if has_fee(entry)})
