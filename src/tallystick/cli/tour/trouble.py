"""What happens at rails and banks, for the pictures: disputes, payouts and reconciliation, each in every state."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.cli.console import ProblemError, actor_of_process
from tallystick.domain.banking.bank_accounts import BankAccount
from tallystick.domain.decide.outgoing.redemption import Redemption
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.environments import SANDBOX
from tallystick.domain.ids import TransactionId
from tallystick.domain.money import MICROS_PER_UNIT
from tallystick.domain.rails.commands import RailOperation
from tallystick.processors.rail import RailOrder
from tallystick.services.consent import redemption_terms
from tallystick.services.disputes import sandbox
from tallystick.services.payouts import bank_accounts, desk, payouts
from tallystick.services.payouts.payouts import PayoutWish
from tallystick.services.rails import reconciliation
from tallystick.services.seller.books import first_book_of
from tallystick.services.seller.manual_operations import BookContext, context_with_book

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.operations.accounts import Party

DISPUTED: Final[Mapping[str, tuple[DisputeStatus, ...]]] = {
    "Two tickets": (DisputeStatus.OPENED,),
    "A box of records": (DisputeStatus.OPENED, DisputeStatus.EVIDENCE_DUE),
    "A poster": (DisputeStatus.OPENED, DisputeStatus.WON),
    "A turntable": (DisputeStatus.OPENED, DisputeStatus.LOST),
}
"""What was bought by card, and what the bank says of it, in this order."""

_ACCOUNT: Final = BankAccount("Backbeat Records", iban="DE89370400440532013000")
SIMULATED: Final = "simulated"
_MOST_POLLS: Final = 100
_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Trouble:
    """Brought about by the use cases themselves, so that the books of the pictures balance."""

    service: Service
    seller: Party

    async def run(self, charges: Mapping[str, str]) -> None:
        """`charges`: transactions that were paid by card, by what was bought."""
        books = await self._books()
        for bought, told in DISPUTED.items():
            for status in told:
                await sandbox.move(self.service, actor_of_process(), TransactionId(charges[bought]), status)
        await self._payouts(books)
        await redemption_terms.choose(books, Redemption(25 * MICROS_PER_UNIT))

    async def by_hand(self) -> None:
        """A charge that somebody made at the rail by hand. Reconciliation finds it; a proof calls it a problem."""
        await self._only_there()
        await self._reconcile()

    async def _books(self) -> BookContext:
        book_id = await first_book_of(self.service, self.seller.party_id, SANDBOX)
        books = None
        if book_id is not None:
            books = await context_with_book(self.service, actor_of_process(), self.seller.party_id, book_id)
        if books is None:
            raise ProblemError("the demo's seller has no sandbox")
        return books

    async def _payouts(self, books: BookContext) -> None:
        """By hand and in a file, as live books have them: sent, not sent, sent back, in a file, and waiting."""
        for rail in ("manual", "file"):
            settings = replace(
                self.service.settings,
                sandbox_payout_rail=rail,
                payout_sender_name="Tallystick Payments",
                payout_sender_iban="DE02120300000000202051",
            )
            by_people = replace(books, service=replace(self.service, settings=settings))
            if rail == "manual":
                await bank_accounts.give(by_people, _ACCOUNT)
                for number in range(4):
                    asked = await self._pay_out(by_people, number + 1)
                    await self._say(asked, number)
            else:
                await self._pay_out(by_people, 7)
                await desk.make_file(by_people.service, actor_of_process(), SANDBOX)

    async def _pay_out(self, books: BookContext, dollars: int) -> TransactionId:
        reference = f"tour-{secrets.token_hex(8)}"
        wish = PayoutWish(dollars * MICROS_PER_UNIT, f"Week {dollars}")
        return (await payouts.request(books, wish, reference)).transaction_id

    async def _say(self, payout_id: TransactionId, number: int) -> None:
        """What people say of it; nothing of the last one."""
        service, actor = self.service, actor_of_process()
        payout = await desk.find(service, payout_id)
        if payout is None:
            raise LookupError(payout_id)
        if number in {0, 1}:
            await desk.mark_sent(service, actor, payout, f"BANK-{4711 + number}")
        if number == 1:
            await desk.mark_returned(service, actor, payout, "The account is closed")
        if number == 2:  # noqa: PLR2004 - the third
            await desk.mark_failed(service, actor, payout, "The bank does not take this account")

    async def _only_there(self) -> None:
        """The books do not know it."""
        rail = self.service.rails.find(SANDBOX, SIMULATED)
        order = RailOrder(f"by-hand-{secrets.token_hex(6)}", RailOperation.CHARGE, 12_500_000, "sim_card_by_hand")
        await rail.perform(order)

    async def _reconcile(self) -> None:
        today = self.service.clock().date()
        rail = self.service.rails.find(SANDBOX, SIMULATED)
        days = reconciliation.days_of(today - timedelta(days=2), today)
        for _ in range(_MOST_POLLS):  # the rail's own delay has to pass before the charge shows among its movements
            reports = await reconciliation.reconcile_as(self.service, actor_of_process(), rail, SANDBOX, days)
            if any(report.findings for report in reports):
                return
            await asyncio.sleep(_POLL_SECONDS)
        raise ProblemError("the rail does not list what was made by hand")
