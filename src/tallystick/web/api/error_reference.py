"""The reference of the error codes, written from the catalogue of refusals: the first part of docs/errors.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tallystick.domain.refusals import Refusal

_HEAD: Final = """\
# Errors

<!-- Written by tallystick.web.api.error_reference from the catalogue of refusals; a test keeps it current. -->

First those of the query API; those of JSON are [below](#problems-of-the-json-interface).

One error per answer, in the form that the original sent: `Response/Errors/Error` with `Code` and `Message`, and a
`RequestID`. Programs branch on the code; messages are for people and may change. Calls of 2007-01-08 hear of
refusals that concern business with HTTP 200, within the answer of their action. In which order a request is checked:
[order of checks](order-of-checks.md).

"Ask again" says whether the same can be asked for again, and "once" what has to happen first, if anything. *The same
request* is sent with the same parameters, signed anew. *With a new CallerReference*: the books refused it, and that
spent the reference; the same request hears the same refusal for seven days, with a note of when it was first answered,
whatever has changed meanwhile. Actions without a CallerReference are just called again. *No*: as it stands it will not
succeed; change what is asked for. After `DuplicateRequest` look at what was done under the reference before you choose
another one: else you may charge twice.

What calls of 2007-01-08 hear as `IsRetriable` is as it was published then, which this table is not bound to.

| code | HTTP | ask again | once | meaning |
|---|---|---|---|---|
"""

ONCE: Final[Mapping[Refusal, str]] = {
    Refusal.AccessFailure: "the account can be reached; never where the sandbox's fault by amount is the cause",
    Refusal.AccountLimitsExceeded: "the account is verified",
    Refusal.AmountOutOfRange: "the seller takes payments so small; never where it is too large",
    Refusal.AuthFailure: "the key is for this, or the account is set up for it",
    Refusal.ConcurrentModification: "",
    Refusal.InactiveInstrument: "the buyer has replaced the card",
    Refusal.InsufficientBalance: "there is enough",
    Refusal.InternalError: "",
    Refusal.InvalidAccountState: "the account is active again",
    Refusal.InvalidAccountState_Caller: "the account is active again",
    Refusal.InvalidAccountState_Recipient: "the account is active again",
    Refusal.InvalidAccountState_Sender: "the account is active again",
    Refusal.InvalidCallerReference: "a token was installed under that reference",
    Refusal.InvalidDateRange: "the start is no longer in the future",
    Refusal.InvalidRecipientForCCTransaction: "the operator allows cards to the recipient",
    Refusal.InvalidTokenId_Sender: "the authorization has begun; never for other tokens",
    Refusal.NotMarketplaceApp: "the operator allows it",
    Refusal.OriginalTransactionIncomplete: "the original is complete",
    Refusal.PaymentInstrumentMissing: "the account has a card or a bank account",
    Refusal.PrepaidFundingLimitExceeded: "some of the balance is spent",
    Refusal.RefundAmountExceeded: "a refund has failed",
    Refusal.RequestExpired: "it has the present time",
    Refusal.ServiceUnavailable: "",
    Refusal.SettleAmountGreaterThanDebt: "more is owed",
    Refusal.Throttling: "the seconds in `Retry-After` are over",
    Refusal.TokenUsageError: "the limit's next period has begun",
    Refusal.TransactionDenied: "the operator allows it",
    Refusal.TransactionFullyRefundedAlready: "a refund has failed",
    Refusal.UnverifiedAccount_Recipient: "the account is verified",
    Refusal.UnverifiedAccount_Sender: "the account is verified",
    Refusal.UnverifiedBankAccount: "the bank account is verified",
    Refusal.UnverifiedEmailAddress_Caller: "the address is verified",
    Refusal.UnverifiedEmailAddress_Recipient: "the address is verified",
    Refusal.UnverifiedEmailAddress_Sender: "the address is verified",
}
"""What has to happen before asking again can help; "": nothing."""


def error_reference() -> str:
    """The whole document, Markdown."""
    rows = "".join(
        f"| {each.name} | {each.http_status} | {each.retry.value} | {ONCE.get(each, '')} | {each.meaning} |\n"
        for each in sorted(Refusal, key=lambda each: each.name)
    )
    return f"{_HEAD}{rows}"
