"""GetTokenByCaller, GetTokens, GetTokenUsage and CancelToken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.domain import commands
from tallystick.domain.commands import TokenPurpose, TokenType
from tallystick.domain.limits import LimitKind
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.actions.transactions import AT_A_TIME
from tallystick.services.api import identify
from tallystick.services.api.call import amount
from tallystick.services.api.fields import V2007, V2011
from tallystick.store.queries import reads, tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tallystick.domain.ids import BookId, TokenId
    from tallystick.domain.limits import UsageLimit
    from tallystick.services.api.call import Call
    from tallystick.services.api.types import Result, Value
    from tallystick.store.queries.tokens import TokenRecord

ACTIVE: Final = "Active"
INACTIVE: Final = "Inactive"
SINGLE_USE: Final = "SingleUse"
_PENDING_USER_ACTION: Final = "PendingUserAction"
_BARRED: Final = {"suspended": "PendingReview", "closed": "Closed"}
"""What 2011-09-20 says of an account that may not take part, by its status."""

FRIENDLY_NAMES: Final[Mapping[str, str]] = {
    TokenPurpose.PREPAID_SENDER: "Prepaid payments",
    TokenPurpose.FUNDING: "Prepaid funding",
    TokenPurpose.CREDIT_SENDER: "Postpaid payments",
    TokenPurpose.SETTLEMENT: "Postpaid settlement",
    TokenPurpose.SENDER: "Payments",
    TokenPurpose.RECIPIENT: "Receiving",
    TokenPurpose.INSTALLED: "Payment instruction",
}
"""What people call tokens that were given no name."""


_RECEIVING: Final = frozenset({TokenPurpose.RECIPIENT, TokenPurpose.INSTALLED})


async def get_token_by_caller(call: Call) -> Result:
    """A token that the caller had installed on another account, by its id or by its own reference.

    Raises Refused: InvalidParams, InvalidTokenId, InvalidCallerReference.
    """
    token_text = call.values.optional_text("TokenId")
    reference = call.values.optional_text("CallerReference")
    if (token_text is None) == (reference is None):
        raise Refused(Refusal.InvalidParams, "Exactly one of TokenId and CallerReference must be given.")
    if reference is not None:
        found = await tokens.by_reference(call.service.pool, call.key.parts, reference)
        if found is None:
            message = "No token of this caller has this reference: the authorization may never have been finished."
            raise Refused(Refusal.InvalidCallerReference, message)
    else:
        token_id, book_id = identify.token(token_text or "", "TokenId")
        found = await tokens.find(call.service.pool, book_id, token_id) if call.owns(book_id) else None
        if found is None:
            raise _not_installed()
    return {"Token": token_element(call, found)}


async def get_tokens(call: Call) -> Result:
    """The tokens on the caller's own account: those by which the caller itself pays others."""
    status = call.values.optional_text("TokenStatus") or ACTIVE
    kind = call.values.optional_text("TokenType")
    reference = call.values.optional_text("CallerReference")
    name = call.values.optional_text("TokenFriendlyName")
    found = await tokens.of_giver(call.service.pool, call.key.party_id, call.key.environment)
    shown: list[Mapping[str, Value]] = []
    for start in range(0, len(found), AT_A_TIME):
        shown += [
            token_element(call, token)
            for token in found[start : start + AT_A_TIME]
            if (_status(call, token) == status)
            and kind in {None, token.token_type}
            and reference in {None, token.caller_reference}
            and name in {None, _friendly_name(token)}
        ]
        await call.step_aside()
    return {"Token": shown}


async def get_token_usage(call: Call) -> Result:
    """What was used of each usage limit: in the present window and in the one before.

    The total that was agreed for a tab comes first, as that of a multi-use token does.
    Raises Refused: InvalidParams, InvalidTokenId, TokenAccessDenied, InvalidTokenType.
    """
    token, book_id = await accessible_token(call)
    if token.token_type is TokenType.SINGLE_USE:
        raise Refused(Refusal.InvalidTokenType, "A single-use token has no usage limits.")
    now = call.now + token.clock_offset
    total = await reads.total_of_tab(call.service.pool, book_id, token.token_id)
    limits = token.usage_limits if total is None else (total, *token.usage_limits)
    return {"TokenUsageLimits": [_usage(limit.rolled(now)) for limit in limits]}


async def get_recipient_verification_status(call: Call) -> Result:
    """How far the account behind a recipient token is known to the service. Raises Refused: InvalidTokenId_Recipient.

    The sandbox's tokens for unverified recipients have the status that they simulate, all others their real one.
    """
    text = call.values.text("RecipientTokenId")
    if identify.simulates(call) and text == identify.UNVERIFIED_RECIPIENT:
        return _verification(call, _PENDING_USER_ACTION)
    token_id = identify.recipient_token(call)
    found = None if token_id is None else await tokens.find(call.service.pool, call.beside(token_id).book_id, token_id)
    if found is None or found.purpose not in _RECEIVING:
        raise Refused(Refusal.InvalidTokenId_Recipient, "The token is no recipient token of this caller.")
    if found.state(call.book_now).over:
        raise Refused(Refusal.TokenNotActive_Recipient, "The recipient token has been cancelled or has expired.")
    barred = _BARRED.get(found.giver_status)
    word = barred or (ACTIVE if found.giver_standing.email_verified else _PENDING_USER_ACTION)
    return _verification(call, word, unlimited=found.giver_standing.account_verified)


def _verification(call: Call, word: str, *, unlimited: bool = False) -> Result:
    """The word of 2011-09-20, or what 2010-08-28 has for it: one word for all that is pending, two for active ones."""
    if call.version < V2011:
        complete = "VerificationCompleteNoLimits" if unlimited else "VerificationComplete"
        word = complete if word == ACTIVE else "VerificationPending"
    return {"RecipientVerificationStatus": word}


async def cancel_token(call: Call) -> Result:
    """Bar a token from further use: the one who had it installed may, and the one on whose account it is.

    ReasonText is checked; nobody is shown it. Raises Refused: InvalidParams, InvalidTokenId, TokenAccessDenied and
    those of the books.
    """
    token, book_id = await accessible_token(call)
    await call.perform(
        commands.CancelToken(
            token.token_id,
            by=call.key.party_id,
            notification_url=call.values.optional_text("OverrideIPNURL"),
        ),
        book_id,
    )
    return {}


async def accessible_token(call: Call) -> tuple[TokenRecord, BookId]:
    """The token that TokenId names and its book, if the caller installed it or it is on the caller's account.

    Raises Refused: InvalidParams, InvalidTokenId, TokenAccessDenied.
    """
    token_id, book_id = identify.token(call.values.text("TokenId"), "TokenId")
    found = await _find(call, token_id, book_id)
    if found is None:
        raise _not_installed()
    if call.key.party_id not in {found.seller_id, found.giver_id}:
        raise Refused(Refusal.TokenAccessDenied, "The caller is neither the installer nor the sender of this token.")
    return found, book_id


async def _find(call: Call, token_id: TokenId, book_id: BookId) -> TokenRecord | None:
    found = await tokens.find(call.service.pool, book_id, token_id)
    return found if found is not None and found.environment == call.key.environment else None


def _not_installed() -> Refused:
    return Refused(Refusal.InvalidTokenId, "No such token was installed by this caller.")


def token_element(call: Call, token: TokenRecord) -> Mapping[str, Value]:
    """A token as results carry it. Only 2007-01-08 tells who had it installed."""
    own = {"CallerInstalled": str(token.seller_id)} if call.version == V2007 else {}
    return own | {
        "TokenId": token.token_id,
        "FriendlyName": _friendly_name(token),
        "TokenStatus": _status(call, token),
        "DateInstalled": token.created_at,
        "CallerReference": token.caller_reference,
        "TokenType": token.token_type,
        "OldTokenId": token.old_token_id or token.token_id,
        "PaymentReason": token.payment_reason,
    }


def _status(call: Call, token: TokenRecord) -> str:
    """The protocol's two words; a token that has not begun yet, or a single-use one that was used, is Active."""
    return INACTIVE if token.state(call.now + token.clock_offset).over else ACTIVE


def _friendly_name(token: TokenRecord) -> str:
    return token.friendly_name or FRIENDLY_NAMES[token.purpose]


def _usage(limit: UsageLimit) -> Mapping[str, Value]:
    if limit.kind is LimitKind.AMOUNT:
        return {
            "Amount": amount(limit.used),
            "LastResetAmount": amount(limit.used_before),
            "LastResetTimestamp": limit.window_start,
        }
    return {
        "Count": limit.used,
        "LastResetCount": limit.used_before,
        "LastResetTimestamp": limit.window_start,
    }
