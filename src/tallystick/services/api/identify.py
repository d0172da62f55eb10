"""Ids in requests: what they name is checked as far as the ids themselves tell, before any book is opened.

Texts of the refusals have the shape that was recorded: the parameter in quotes, what it must be, the value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.domain.ids import (
    BookId,
    IdKind,
    InstrumentId,
    MalformedIdError,
    TokenId,
    TransactionId,
    book_of_transaction,
    token_kind_and_book,
)
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.fields import invalid
from tallystick.store.keys.access_keys import SANDBOX

if TYPE_CHECKING:
    from tallystick.services.api.call import Call

A_TOKEN: Final = "a valid token ID"  # noqa: S105 - words of a message
AN_INSTRUMENT: Final = "a valid instrument ID"
A_TRANSACTION: Final = "a valid transaction ID"

INSTRUMENT_PARAMETERS: Final = {
    IdKind.PREPAID_INSTRUMENT: "PrepaidInstrumentId",
    IdKind.CREDIT_INSTRUMENT: "CreditInstrumentId",
}
"""The parameter that names instruments of each kind."""

_INSTRUMENTS: Final = frozenset(kind.value for kind in INSTRUMENT_PARAMETERS)

SIMULATED_SENDERS: Final = {
    "E3FR7BARJV3PB631PMKV74PGKCJLBHI1Q1KMQN7BJ2JJICPDKN3N1CJIKFZ8D7NN": "its e-mail address is not verified",
    "H216UECZ8ZM1G8G4QA3V7RKF8JDFZ9SI3SJAFSGUKBBNDHX1NVM8GUQRZNRNAHER": "it is suspended",
    "Z1LGRXR4HMDZBSFKXELA32KZASGWD8IHMHZCK4DETR784LDLD1GMFW4P3WT8VTGX": "it is closed",
}
"""Sender tokens that simulate an account state in the sandbox. Source: docs/protocol/sandbox.md, 2."""

UNVERIFIED_RECIPIENT: Final = "C4LGSEMXN11FTUXZ2X2C7QVFHN5DVBGQJNF17AIQXXXQSX4DRG4KJFCN2KRFUUZI"

SIMULATED_RECIPIENTS: Final = {
    UNVERIFIED_RECIPIENT: "its e-mail address is not verified",
    "R3VK49XVGCAZTJSXKN7ZSBHPMFGKM5VEEQTXGMVE8CFUZ2G5RLLMAB4J6TQRL6BU": "it is suspended",
    "P1LL7A1LHK935DBGI5NAYCXOCLVEBHBNIU7PBXBAMRKKNLDEPI8M3MUSLZT2VANZ": "it is closed",
}


def sender_token(call: Call, name: str = "SenderTokenId") -> TokenId:
    """The token that is to be charged.

    Raises Refused: InvalidAccountState_Sender, InvalidParams, InvalidTokenId_Sender.
    """
    text = call.values.text(name)
    if text in SIMULATED_SENDERS and simulates(call):
        message = f"Simulated by the token: the sender's account cannot take part, {SIMULATED_SENDERS[text]}."
        raise Refused(Refusal.InvalidAccountState_Sender, message)
    token_id, book_id = token(text, name)
    if not call.owns(book_id):
        raise Refused(Refusal.InvalidTokenId_Sender, "The sender token was not installed by this caller.")
    return token_id


def recipient_token(call: Call) -> TokenId | None:
    """The token that lets the caller receive on somebody's behalf, None where the caller itself is the recipient.

    Raises Refused: InvalidAccountState_Recipient, InvalidParams, InvalidTokenId_Recipient.
    """
    text = call.values.optional_text("RecipientTokenId")
    if text is None:
        return None
    if text in SIMULATED_RECIPIENTS and simulates(call):
        message = f"Simulated by the token: the recipient's account cannot take part, {SIMULATED_RECIPIENTS[text]}."
        raise Refused(Refusal.InvalidAccountState_Recipient, message)
    token_id, book_id = token(text, "RecipientTokenId")
    if not call.owns(book_id):
        raise Refused(Refusal.InvalidTokenId_Recipient, "The recipient token was not installed by this caller.")
    return token_id


def token(text: str, name: str) -> tuple[TokenId, BookId]:
    """A token id of any book. Instruments are not tokens. Raises Refused: InvalidParams."""
    try:
        _, book_id = token_kind_and_book(text)
    except MalformedIdError:
        raise invalid(name, A_TOKEN, text) from None
    if text[0] in _INSTRUMENTS:
        raise invalid(name, A_TOKEN, text)
    return TokenId(text), book_id


def instrument(call: Call, kind: IdKind) -> tuple[InstrumentId, BookId]:
    """An instrument id of any book, from the parameter for instruments of `kind`. Raises Refused: InvalidParams."""
    name = INSTRUMENT_PARAMETERS[kind]
    text = call.values.text(name)
    try:
        found, book_id = token_kind_and_book(text)
    except MalformedIdError:
        raise invalid(name, AN_INSTRUMENT, text) from None
    if found is not kind:
        raise invalid(name, AN_INSTRUMENT, text)
    return InstrumentId(text), book_id


def own_instrument(call: Call, kind: IdKind) -> InstrumentId:
    """An instrument of the caller's book. Raises Refused: InvalidParams, InstrumentAccessDenied."""
    instrument_id, book_id = instrument(call, kind)
    if not call.owns(book_id):
        raise Refused(Refusal.InstrumentAccessDenied, "The caller is not the recipient of this instrument.")
    return instrument_id


def transaction(call: Call, name: str = "TransactionId") -> tuple[TransactionId, BookId]:
    """The transaction id of a request, of any book. Raises Refused: InvalidParams."""
    text = call.values.text(name)
    try:
        book_id = book_of_transaction(text)
    except MalformedIdError:
        raise invalid(name, A_TRANSACTION, text) from None
    return TransactionId(text), book_id


def own_transaction(call: Call, name: str = "TransactionId") -> TransactionId:
    """A transaction of the caller's book. Raises Refused: InvalidParams, InvalidTransactionId."""
    transaction_id, book_id = transaction(call, name)
    if not call.owns(book_id):
        raise Refused(Refusal.InvalidTransactionId, "The caller did not execute this transaction.")
    return transaction_id


def simulates(call: Call) -> bool:
    """Whether ids and amounts simulate faults for this caller."""
    return call.service.settings.sandbox_faults and call.key.environment == SANDBOX
