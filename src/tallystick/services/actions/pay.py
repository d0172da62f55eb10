"""Pay, Reserve, Settle, Cancel and Refund."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.domain import commands
from tallystick.domain.commands import FeePayer, Marketplace, RefundPolicy
from tallystick.domain.ids import is_of_instrument
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api import identify
from tallystick.services.api.call import check_descriptor, timeout
from tallystick.services.api.fields import invalid
from tallystick.services.seller.archived import explain_archived

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tallystick.domain.ids import BookId, TokenId
    from tallystick.services.api.call import Call
    from tallystick.services.api.types import Result

_MICRO_PERCENT_PER_PPM: Final = 100
"""A percentage is read like an amount, in millionths of a percent; a part per million is a hundred of them."""

_OF_MARKETPLACES: Final = frozenset(
    {"RecipientTokenId", "ChargeFeeTo", "MarketplaceFixedFee", "MarketplaceVariableFee"}
)
_TWO_PARTIES: Final = Marketplace()
"""What most payments have: no third party."""


def pay(call: Call) -> Awaitable[Result]:
    """Charge a prepaid balance, raise a debt, or bring in real money.

    Charges of an instrument cost no fee and have no third party. Source: docs/protocol/semantics.md, 2 and 6.
    """
    book_id, command = payment_command(call)
    return call.move_money(command, book_id)


def payment_command(call: Call) -> tuple[BookId, commands.Pay]:
    """What a Pay asks of which book. Raises Refused."""
    token_id, marketplace = _payment(call)
    call = call.beside(token_id)
    amount_micros = call.values.integer("TransactionAmount")
    return call.book_id, commands.Pay(call.request(), token_id, amount_micros, marketplace, timeout(call))


async def reserve(call: Call) -> Result:
    """Hold an amount on a card."""
    token_id, marketplace = _payment(call)
    call = call.beside(token_id)
    return await call.move_money(
        commands.Reserve(call.request(), token_id, call.values.integer("TransactionAmount"), marketplace, timeout(call))
    )


async def settle(call: Call) -> Result:
    """Charge what is held. The answer has the reservation's own id; repeating it is InvalidTransactionState."""
    transaction_id = identify.own_transaction(call, "ReserveTransactionId")
    amount_micros = call.values.optional_integer("TransactionAmount")
    url = call.values.optional_text("OverrideIPNURL")
    return await call.beside(transaction_id).move_money(commands.Settle(transaction_id, amount_micros, url))


async def cancel(call: Call) -> Result:
    """Give up a hold, or a payment that no payment network was asked for yet."""
    transaction_id = identify.own_transaction(call)
    reason = call.values.optional_text("Description")
    url = call.values.optional_text("OverrideIPNURL")
    return await call.beside(transaction_id).move_money(commands.Cancel(transaction_id, reason, url))


def refund(call: Call) -> Awaitable[Result]:
    """Give back what was charged, as the policy says. Raises Refused: the call names no transaction of the caller's."""
    original_id = identify.own_transaction(call)
    amount_micros = call.values.optional_integer("RefundAmount")
    call = call.beside(original_id)
    policy = RefundPolicy(call.values.optional_text("MarketplaceRefundPolicy") or RefundPolicy.MASTER_ONLY.value)
    return _refund(call, commands.Refund(call.request(), original_id, amount_micros, policy))


async def _refund(call: Call, command: commands.Refund) -> Result:
    try:
        return await call.move_money(command)
    except Refused as refused:
        if refused.refusal is not Refusal.InvalidTransactionId:
            raise
        raise await explain_archived(call, command.original_id, refused) from None


def _payment(call: Call) -> tuple[TokenId, Marketplace]:
    """The sender token and the third party of a payment. Raises Refused."""
    token_id, marketplace = identify.sender_token(call), _TWO_PARTIES
    if not _OF_MARKETPLACES.isdisjoint(call.values.parsed):
        marketplace = _marketplace(call)
        if is_of_instrument(token_id):
            _check_two_parties(marketplace)
    check_descriptor(call)
    return token_id, marketplace


def _marketplace(call: Call) -> Marketplace:
    """The third party of a payment. Raises Refused."""
    return Marketplace(
        identify.recipient_token(call),
        FeePayer(call.values.optional_text("ChargeFeeTo") or FeePayer.RECIPIENT.value),
        call.values.optional_integer("MarketplaceFixedFee") or 0,
        _variable_fee_ppm(call),
    )


def _variable_fee_ppm(call: Call) -> int:
    micro_percent = call.values.optional_integer("MarketplaceVariableFee") or 0
    ppm, rest = divmod(micro_percent, _MICRO_PERCENT_PER_PPM)
    if rest:
        given = call.values.given["MarketplaceVariableFee"]
        raise invalid("MarketplaceVariableFee", "a percentage with at most four decimals", given)
    return ppm


def _check_two_parties(marketplace: Marketplace) -> None:
    """With an instrument the caller is the recipient, and there is nobody to share with."""
    if marketplace.recipient_token_id is not None:
        message = "The caller itself is the recipient of this payment; there is no such recipient token."
        raise Refused(Refusal.InvalidTokenId_Recipient, message)
    if marketplace.fixed_fee_micros or marketplace.variable_fee_ppm:
        message = "Marketplace fees need a recipient token that allows them; an instrument's payments have none."
        raise Refused(Refusal.IncompatibleTokens, message)
