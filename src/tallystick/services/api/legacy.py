"""The interface of 2007-01-08 where it differs: fields of requests, and what a request means today.

Why they are so: docs/decisions/031. Source: docs/protocol/actions.yaml; docs/protocol/transport.md, API version
2007-01-08 differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.domain.decide.conditions import check_instruction
from tallystick.domain.gatekeeper import Facts, TransactionRole
from tallystick.domain.ids import IdKind, is_of_instrument
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api import identify
from tallystick.services.api.fields import LEGACY_AMOUNT, LEGACY_DESCRIPTOR_POLICY, V2007, Field, Need
from tallystick.services.api.values import Values
from tallystick.store.queries import reads, tokens

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId, TokenId
    from tallystick.services.api.call import Call
    from tallystick.services.api.types import Result
    from tallystick.services.api.values import Parsed
    from tallystick.store.queries.reads import TransactionRecord
    from tallystick.store.queries.tokens import TokenRecord

_MAX_DESCRIPTION: Final = 128
_MAX_INSTALLED_REFERENCE: Final = 49

_NOT_KEPT: Final = "Checked, not kept."
_CALLER_TOKEN: Final = Field(
    "CallerTokenId", "string", Need.REQUIRED, "A token that the caller installed for itself.", max_length=64
)
_TRANSACTION_DATE: Final = Field("TransactionDate", "dateTime", Need.OPTIONAL, _NOT_KEPT)
_META_DATA: Final = Field("MetaData", "string", Need.OPTIONAL, _NOT_KEPT, max_length=2048)
_NOTES: Final = (
    _TRANSACTION_DATE,
    Field("SenderReference", "string", Need.OPTIONAL, _NOT_KEPT, max_length=128),
    Field("RecipientReference", "string", Need.OPTIONAL, _NOT_KEPT, max_length=128),
    Field("RecipientDescription", "string", Need.OPTIONAL, _NOT_KEPT, max_length=_MAX_DESCRIPTION),
    _META_DATA,
    Field(
        "TemporaryDeclinePolicy.TemporaryDeclinePolicyType",
        "string",
        Need.OPTIONAL,
        "What happens to a payment that is declined for a while. It fails; nothing here tries again by itself.",
        choices=("Failure",),
    ),
)
_REFUND_NOTES: Final = (
    Field("RefundSenderReference", "string", Need.OPTIONAL, _NOT_KEPT, max_length=128),
    Field("RefundRecipientReference", "string", Need.OPTIONAL, _NOT_KEPT, max_length=128),
    Field("RefundSenderDescription", "string", Need.OPTIONAL, _NOT_KEPT, max_length=_MAX_DESCRIPTION),
    Field("RefundRecipientDescription", "string", Need.OPTIONAL, _NOT_KEPT, max_length=_MAX_DESCRIPTION),
)
_DESCRIPTOR_POLICY: Final = Field(
    "DescriptorPolicy", LEGACY_DESCRIPTOR_POLICY, Need.OPTIONAL, "How the charge is described; of late editions."
)
_CHARGE_FEE_TO: Final = Field("ChargeFeeTo", "ChargeFeeTo", Need.REQUIRED, "Who pays the fee.")
_REFUND_SENDER: Final = Field(
    "RefundSenderTokenId",
    "string",
    Need.OPTIONAL,
    "A token of the account that the refund is taken from: the one that was paid.",
    max_length=64,
)

_PAYING: Final = frozenset({"Pay", "Reserve"})
_CHARGING: Final = _PAYING | {"FundPrepaid", "SettleDebt"}
_MONEY: Final = _CHARGING | {"WriteOffDebt", "Refund"}
"""The money actions that need a caller token: all but Settle, which is about a reservation that had one."""
_AMOUNTS: Final = {"FundPrepaid": "FundingAmount", "SettleDebt": "SettlementAmount", "Refund": "RefundAmount"} | {
    "WriteOffDebt": "AdjustmentAmount"
}
_OF_INSTRUMENTS: Final = {IdKind.PREPAID_SENDER.value: "Prepaid", IdKind.CREDIT_SENDER.value: "Debt"}
_NAMES: Final = {"FPSOperation": "Operation", "TransactionStatus": "Status"}
_STATUSES: Final = {"Initiated": "Pending", "Success": "Success", "Failure": "Failure", "Reserved": "Reserved"}


def legacy_fields(action: str, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """The fields of an action in requests of 2007-01-08. Amounts have other members, some fields other names."""
    own = tuple(_field(action, field) for field in fields if _in_2007(action, field))
    if action == "Settle":
        return (*own, _TRANSACTION_DATE, _META_DATA)
    if action not in _MONEY:
        return own
    fee: tuple[Field, ...] = (_CHARGE_FEE_TO,) if action in _CHARGING - _PAYING else ()
    if action == "Refund":
        fee = (_REFUND_SENDER, replace(_CHARGE_FEE_TO, need=Need.OPTIONAL), *_REFUND_NOTES)
    descriptor = (_DESCRIPTOR_POLICY,) if action in _CHARGING else ()
    return (_CALLER_TOKEN, *own, *fee, *descriptor, *_NOTES)


def _in_2007(action: str, field: Field) -> bool:
    renamed = action == "GetAccountActivity" and field.name in _NAMES
    return renamed or (field.in_version(V2007) and not field.means)


def _field(action: str, field: Field) -> Field:
    if action == "GetAccountActivity" and field.name in _NAMES:
        choices = tuple(_STATUSES) if field.name == "TransactionStatus" else ()
        kind = "string" if choices else field.type
        return replace(field, name=_NAMES[field.name], means=field.name, type=kind, choices=choices)
    if field.type == "Amount":
        return replace(field, type=LEGACY_AMOUNT)
    if action in _PAYING and field.name in {"RecipientTokenId", "ChargeFeeTo"}:
        return replace(field, need=Need.REQUIRED, default=None)
    if action == "InstallPaymentInstruction" and field.name == "CallerReference":
        return replace(field, max_length=_MAX_INSTALLED_REFERENCE)
    if field.name in {"CallerDescription", "SenderDescription"}:
        return replace(field, max_length=_MAX_DESCRIPTION)
    return field


async def modern(call: Call) -> Call:
    """The same call as the handlers know it, after the checks that only this version needs.

    Payments with an instrument go to the caller, as its own recipient token says here: no more is needed of it.
    Raises Refused: InvalidParams, InvalidTokenId_Caller, TokenNotActive_Caller, InvalidTokenId_Recipient,
    TokenNotActive_Recipient, SenderNotOriginalRecipient, IncompatibleTokens.
    """
    parsed: dict[str, Parsed] = dict(call.values.parsed)
    if "CallerTokenId" in parsed:
        token = await _token(call, "CallerTokenId", Refusal.InvalidTokenId_Caller, Refusal.TokenNotActive_Caller)
        if token.giver_id != call.key.party_id:
            raise Refused(Refusal.InvalidTokenId_Caller, "The caller token is not of the caller's own account.")
        await _check_conditions(call, token, TransactionRole.CALLER)
    if call.action in _PAYING and await _is_own_recipient(call):
        del parsed["RecipientTokenId"]
    if "RefundSenderTokenId" in parsed:
        await _check_refund_sender(call)
    status = parsed.get("TransactionStatus")
    if isinstance(status, str):
        parsed["TransactionStatus"] = _STATUSES[status]
    return msgspec.structs.replace(call, values=Values(parsed, _modern_names(call.values.given)))


def _modern_names(given: Mapping[str, str]) -> Mapping[str, str]:
    return {"FPSOperation" if name == "Operation" else name: value for name, value in given.items()}


async def _is_own_recipient(call: Call) -> bool:
    """Whether a payment with an instrument names the caller's own recipient token."""
    text = call.values.text("RecipientTokenId")
    simulated = identify.SIMULATED_RECIPIENTS.keys() | identify.SIMULATED_SENDERS.keys()
    if identify.simulates(call) and {text, call.values.text("SenderTokenId")} & simulated:
        return False
    if not is_of_instrument(identify.sender_token(call)):
        return False
    token = await _token(call, "RecipientTokenId", Refusal.InvalidTokenId_Recipient, Refusal.TokenNotActive_Recipient)
    return token.giver_id == call.key.party_id


async def _check_refund_sender(call: Call) -> None:
    token = await _token(call, "RefundSenderTokenId", Refusal.InvalidTokenId_Sender, Refusal.TokenNotActive_Sender)
    original_id = identify.own_transaction(call)
    original = await reads.transaction(call.service.pool, call.beside(original_id).book_id, original_id)
    if original is not None and original.merchant.party_id != token.giver_id:
        message = "The refund is to be taken from another account than the one that was paid."
        raise Refused(Refusal.SenderNotOriginalRecipient, message)
    await _check_conditions(call, token, TransactionRole.SENDER)


async def _check_conditions(call: Call, token: TokenRecord, role: TransactionRole) -> None:
    """What the instruction of a token that only this version has asks of the transaction.

    Where nobody can tell the amount or the means of payment, what the call names does not exist, and the books refuse
    it. Raises Refused: IncompatibleTokens.
    """
    original = await _original(call)
    amount_micros = call.values.optional_integer(_AMOUNTS.get(call.action, "TransactionAmount"))
    if amount_micros is None and original is not None:
        amount_micros = original.amount_micros
    method = await _payment_method(call) if original is None else original.payment_method
    if amount_micros is None or method is None:
        return
    facts = Facts(
        my_role=role,
        amount_micros=amount_micros,
        at=call.book_now,
        payment_method=method,
        charge_fee_to=call.values.optional_text("ChargeFeeTo") or "Recipient",
        operation=call.action,
    )
    check_instruction(token.instruction, facts)


async def _original(call: Call) -> TransactionRecord | None:
    """The transaction that a Refund is about."""
    if call.action != "Refund":
        return None
    original_id = identify.own_transaction(call)
    return await reads.transaction(call.service.pool, call.beside(original_id).book_id, original_id)


async def _payment_method(call: Call) -> str | None:
    """How a payment is made, as far as its tokens tell."""
    if call.action == "WriteOffDebt":
        return "Debt"
    if identify.simulates(call) and call.values.optional_text("SenderTokenId") in identify.SIMULATED_SENDERS:
        return None
    if "SenderTokenId" not in call.values.parsed:
        return None
    token_id = identify.sender_token(call)
    of_instrument = _OF_INSTRUMENTS.get(token_id[0])
    return of_instrument or await reads.payment_method(call.service.pool, call.beside(token_id).book_id, token_id)


async def _token(call: Call, name: str, unknown: Refusal, ended: Refusal) -> TokenRecord:
    token_id, book_id = identify.token(call.values.text(name), name)
    found = await _find(call, token_id, book_id)
    if found is None:
        raise Refused(unknown, f"The token in {name} was not installed by this caller.")
    if found.state(call.now + found.clock_offset).over:
        raise Refused(ended, f"The token in {name} has been cancelled or has expired.")
    return found


async def _find(call: Call, token_id: TokenId, book_id: BookId) -> TokenRecord | None:
    return await tokens.find(call.service.pool, book_id, token_id) if call.owns(book_id) else None


def legacy_result(call: Call, result: Result) -> Result:
    """The result in this version's form: a token's own account where later versions have a reference."""
    return {**result, "CallerReference": str(call.key.party_id)} if call.action == "GetPaymentInstruction" else result
