"""One call of an action: what was asked, by whom and when, with the parts of the service to answer it."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tallystick.domain.commands import Request
from tallystick.domain.ids import BookId, InstrumentId, TokenId, TransactionId, book_named_in
from tallystick.domain.money import USD, format_amount
from tallystick.domain.outcomes import Accepted
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.store.keys.access_keys import AccessKey

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

    from tallystick.domain.commands import Command
    from tallystick.domain.outcomes import Outcome
    from tallystick.services.api.read_budget import ReadTurn
    from tallystick.services.api.types import Result
    from tallystick.services.api.values import Values
    from tallystick.services.context import Service
    from tallystick.store.keys.callers import Caller


class Call(Struct, frozen=True):
    """A call that passed every check of its form.

    `version`: the one of those served in which it is answered. `signed_by` is None only for VerifySignature, which
    needs no signature. `requested_at` is the request's own Timestamp, `now` the service's clock. `part`: the one of
    the caller's books that this call is for. `refusal_spends` as in the domain. `made_ids`: where to note the ids of
    transactions that this call made up: an answer that has another one repeats what was answered before. `turn`: of a
    call that reads much.
    """

    service: Service
    action: str
    version: str
    signed_by: Caller | None
    values: Values
    fingerprint: bytes
    requested_at: datetime
    now: datetime
    part: BookId | None = None
    refusal_spends: bool = True
    made_ids: list[TransactionId] | None = None
    turn: ReadTurn | None = None

    async def step_aside(self) -> None:
        """Between two pieces of long work: let others go on, for as long as they need it."""
        if self.turn is not None:
            await self.turn.step_aside()

    @property
    def key(self) -> Caller:
        """The owner of the key or certificate that signed this call."""
        if self.signed_by is None:
            raise TypeError(f"{self.action} is not for unsigned calls")
        return self.signed_by

    @property
    def book_id(self) -> BookId:
        """The caller's book: no call gets here without one. Of several the first, or the one that `beside` chose."""
        if self.part is not None:
            return self.part
        book_id = self.key.book_id
        if book_id is None:
            raise TypeError(f"{self.action} is not for callers without a book")
        return book_id

    @property
    def cached_key(self) -> AccessKey | None:
        """The key that signed this call, where it is a cached one and still has to be revalidated."""
        key = self.signed_by
        return key if isinstance(key, AccessKey) and key.cached else None

    def owns(self, book_id: BookId) -> bool:
        """Whether a book is the caller's, or a part of the caller's books."""
        return book_id in self.key.parts

    def beside(self, named: TokenId | InstrumentId | TransactionId) -> Call:
        """This call for that shard of the caller's books in which `named` is."""
        return self if len(self.key.parts) == 1 else replace(self, part=book_named_in(named))

    @property
    def book_now(self) -> datetime:
        """The present moment by the test clock of the caller's book."""
        return self.now + self.key.clock_offset

    def new_id(self) -> TransactionId:
        """A fresh, time-ordered id in the caller's book. Raises Refused: ServiceUnavailable: the clock is wrong."""
        return fresh_transaction_id(self.book_id, self.service.moment_of_ids() + self.key.clock_offset)

    def request(self, caller_description: str | None = None) -> Request:
        """The part that all money commands of this caller have in common.

        `caller_description` where the request has none under that name.
        """
        values = self.values
        transaction_id = self.new_id()
        if self.made_ids is not None:
            self.made_ids.append(transaction_id)
        return Request(
            transaction_id=transaction_id,
            caller_id=self.key.party_id,
            caller_reference=values.text("CallerReference"),
            fingerprint=self.fingerprint,
            requested_at=self.requested_at,
            caller_description=caller_description or values.optional_text("CallerDescription"),
            sender_description=values.optional_text("SenderDescription"),
            notification_url=values.optional_text("OverrideIPNURL"),
            refusal_spends=self.refusal_spends,
        )

    async def perform(self, command: Command, book_id: BookId | None = None) -> Outcome:
        """Hand a command to the committer, for the caller's book or the one named. A refusal is raised."""
        outcome = await self._hand_over(command, book_id)
        if isinstance(outcome, Refused):
            raise outcome
        return outcome

    async def move_money(self, command: Command, book_id: BookId | None = None) -> Result:
        """Carry a money command out, in the caller's book or the one named, and answer with its transaction."""
        outcome = await self._hand_over(command, book_id)
        if isinstance(outcome, Accepted):
            return {"TransactionId": outcome.transaction_id, "TransactionStatus": outcome.status.value}
        if isinstance(outcome, Refused):
            raise outcome
        raise TypeError(f"{self.action} came to {outcome!r}")

    def _hand_over(self, command: Command, book_id: BookId | None) -> Awaitable[Outcome]:
        return self.service.committer.perform(book_id or self.book_id, command, self.cached_key, self.key.flow)


def fingerprint(action: str, business_parameters: Sequence[tuple[str, str]]) -> bytes:
    """Digest of what is asked for: the same reference with another digest is another request."""
    return blake2b(msgspec.json.encode([action, business_parameters]), digest_size=32).digest()


def amount(micros: int) -> Mapping[str, str]:
    """An Amount as results carry it: six decimals."""
    return {"CurrencyCode": USD, "Value": format_amount(micros)}


def timeout(call: Call) -> timedelta | None:
    """How long the transaction may stay unfinished; None: as long as it takes."""
    minutes = call.values.optional_integer("TransactionTimeoutInMins")
    return None if minutes is None else timedelta(minutes=minutes)


def check_descriptor(call: Call) -> None:
    """A dynamic descriptor is made of SenderDescription. Raises Refused: InvalidParams."""
    given = call.values.parsed
    if "DescriptorPolicy" not in given or "SenderDescription" in given:  # without a policy it is static
        return
    if call.values.descriptor_policy().soft_descriptor_type == "Dynamic":
        raise Refused(Refusal.InvalidParams, "SenderDescription is needed for a SoftDescriptorType of Dynamic.")
