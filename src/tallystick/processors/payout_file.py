"""Files of payouts for a bank: customer credit transfers as ISO 20022 has them, pain.001.001.03.

Each transfer's end-to-end id is the payout's transaction, and each file has a message id: a bank that gets a file twice
knows it. The file is held against the schema before it is kept. Needs the extra `payouts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.money import MICROS_PER_MINOR_UNIT, USD

if TYPE_CHECKING:
    from tallystick.domain.banking.bank_accounts import BankAccount
    from tallystick.domain.ids import TransactionId

SCHEMA: Final = "pain.001.001.03"
_EURO: Final = "EUR"


class PayoutFileError(Exception):
    """A file cannot be made: its library is missing, or the bank's schema does not allow what is in it."""


@dataclass(frozen=True, slots=True)
class BankTransfer:
    """One transfer, in micro-units of whole cents. Its account has an IBAN."""

    transaction_id: TransactionId
    amount_micros: int
    account: BankAccount


class BankFile:
    """A file that is being made. `message_id` is known before anything is in it."""

    def __init__(self, sender_name: str, sender_iban: str, currency: str = USD) -> None:
        """Begin one. Raises PayoutFileError: the library is missing."""
        try:
            from sepaxml import SepaTransfer  # noqa: PLC0415 - an extra, and half a second
        except ModuleNotFoundError:
            raise PayoutFileError("files of payouts need the extra: pip install tallystick[payouts]") from None
        config = {
            "name": sender_name,
            "IBAN": sender_iban,
            "batch": True,
            "currency": currency,
            "domestic": currency != _EURO,  # the service level SEPA is for euros alone
        }
        self._document: Any = SepaTransfer(config, schema=SCHEMA, clean=True)

    @property
    def message_id(self) -> str:
        """By which a bank knows the file."""
        message_id: str = self._document.msg_id
        return message_id

    def content(self, transfers: Sequence[BankTransfer], day: date, description: str) -> bytes:
        """The file with these transfers, to be carried out on that day. Raises PayoutFileError."""
        for transfer in transfers:
            payment = {
                "name": transfer.account.holder,
                "IBAN": transfer.account.iban,
                "amount": transfer.amount_micros // MICROS_PER_MINOR_UNIT,
                "execution_date": day,
                "description": description,
                "endtoend_id": transfer.transaction_id,
            }
            self._document.add_payment(payment)
        try:
            exported: bytes = self._document.export(validate=True)
        except Exception as error:
            raise PayoutFileError(f"the file does not fit its schema: {error}") from error
        return exported
