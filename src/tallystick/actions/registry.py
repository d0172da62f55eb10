"""The table of all actions: what each takes, gives and does. Parsing, rendering, docs and tests loop over it.

Source: spec of the actions, 2010-08-28; fields are in the order of that schema.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tallystick.actions import (
    account,
    activity,
    instructions,
    pay,
    postpaid,
    prepaid,
    tokens,
    transactions,
    verify_signature,
)
from tallystick.actions.fields import V2007, V2008, V2010, VERSIONS, Field, FieldTable, Need
from tallystick.actions.types import Element

if TYPE_CHECKING:
    from tallystick.actions.call import Call
    from tallystick.actions.types import Result

REQUIRED, CONDITIONAL, OPTIONAL = Need.REQUIRED, Need.CONDITIONAL, Need.OPTIONAL


@dataclass(frozen=True, slots=True)
class Action:
    """One action. `result` is None where the answer has no result element; `may_be_unsigned` names a version."""

    name: str
    summary: str
    perform: Callable[[Call], Awaitable[Result]]
    fields: tuple[Field, ...]
    result: tuple[Element, ...] | None
    moves_money: bool
    tables: Mapping[str, FieldTable]
    first_version: str = V2007
    last_version: str = V2010
    may_be_unsigned: str | None = None

    def in_version(self, version: str) -> bool:
        """Whether the interface of `version` has this action."""
        return self.first_version <= version <= self.last_version


_SENDER_TOKEN: Final = Field(
    "SenderTokenId", "string", REQUIRED, "The token that the sender is charged through.", max_length=64
)
_PREPAID_INSTRUMENT: Final = Field("PrepaidInstrumentId", "string", REQUIRED, "The prepaid instrument.", max_length=128)
_CREDIT_INSTRUMENT: Final = Field("CreditInstrumentId", "string", REQUIRED, "The credit instrument.", max_length=128)
_TRANSACTION: Final = Field("TransactionId", "string", REQUIRED, "The transaction.", max_length=35)
_REFERENCE: Final = Field(
    "CallerReference",
    "string",
    REQUIRED,
    "The caller's own name for this request; the same request under the same name is carried out once.",
    max_length=128,
)
_SENDER_DESCRIPTION: Final = Field(
    "SenderDescription",
    "string",
    OPTIONAL,
    "What the sender reads.",
    condition="needed when DescriptorPolicy.SoftDescriptorType is Dynamic",
    max_length=160,
)
_CALLER_DESCRIPTION: Final = Field(
    "CallerDescription", "string", OPTIONAL, "A note for the caller itself.", max_length=160
)
_DESCRIPTOR_POLICY: Final = Field(
    "DescriptorPolicy",
    "DescriptorPolicy",
    OPTIONAL,
    "How a card charge is described on the sender's statement.",
    default="SoftDescriptorType=Static, CSOwner=Recipient",
    first_version=V2008,
)
_TIMEOUT: Final = Field(
    "TransactionTimeoutInMins",
    "integer",
    OPTIONAL,
    "How long the transaction may stay unfinished. Checked; without effect, since no rail here can call a charge back.",
    least=1,
    first_version=V2008,
)
_NOTIFICATION_URL: Final = Field(
    "OverrideIPNURL",
    "string(url)",
    OPTIONAL,
    "Where the notification about this request goes, instead of the address in the account's settings.",
    max_length=2048,
    first_version=V2010,
)
_MONEY_RESULT: Final = (Element("TransactionId", "string"), Element("TransactionStatus", "TransactionStatus"))


def _amount(name: str, meaning: str, need: Need = REQUIRED, default: str | None = None) -> Field:
    return Field(name, "Amount", need, meaning, default=default)


def _action(
    name: str,
    summary: str,
    perform: Callable[[Call], Awaitable[Result]],
    fields: tuple[Field, ...] = (),
    result: tuple[Element, ...] | None = None,
    *,
    moves_money: bool = False,
    first_version: str = V2007,
    may_be_unsigned: str | None = None,
) -> Action:
    return Action(
        name=name,
        summary=summary,
        perform=perform,
        fields=fields,
        result=result,
        moves_money=moves_money,
        tables={version: FieldTable(fields, version) for version in VERSIONS},
        first_version=first_version,
        may_be_unsigned=may_be_unsigned,
    )


_MONEY_ACTIONS: Final = (
    _action(
        "FundPrepaid",
        "Charges the sender through the funding token and raises the balance of a prepaid instrument.",
        prepaid.fund_prepaid,
        (
            _SENDER_TOKEN,
            _PREPAID_INSTRUMENT,
            _amount("FundingAmount", "How much to add to the balance; the caller receives it less the fee."),
            _REFERENCE,
            _SENDER_DESCRIPTION,
            _CALLER_DESCRIPTION,
            _DESCRIPTOR_POLICY,
            _TIMEOUT,
            _NOTIFICATION_URL,
        ),
        _MONEY_RESULT,
        moves_money=True,
    ),
    _action(
        "Pay",
        "Draws a prepaid balance down or raises a debt, depending on the sender token.",
        pay.pay,
        (
            _SENDER_TOKEN,
            Field(
                "RecipientTokenId",
                "string",
                OPTIONAL,
                "The recipient, where it is not the caller. Payments with an instrument have none: the caller is "
                "the recipient.",
                condition="required when the caller is not the recipient (marketplace)",
                max_length=65,
            ),
            _amount("TransactionAmount", "How much to charge."),
            Field(
                "ChargeFeeTo",
                "ChargeFeeTo",
                OPTIONAL,
                "Who pays the fee. Payments with an instrument cost none.",
                default="Recipient",
            ),
            _REFERENCE,
            _CALLER_DESCRIPTION,
            _SENDER_DESCRIPTION,
            _DESCRIPTOR_POLICY,
            _TIMEOUT,
            Field(
                "MarketplaceFixedFee",
                "Amount",
                OPTIONAL,
                "The caller's share of a marketplace payment.",
                condition="marketplace use only",
                zero_allowed=True,
            ),
            Field(
                "MarketplaceVariableFee",
                "decimal",
                OPTIONAL,
                "The caller's share of a marketplace payment, in percent.",
                condition="marketplace use only",
                zero_allowed=True,
            ),
            _NOTIFICATION_URL,
        ),
        _MONEY_RESULT,
        moves_money=True,
    ),
    _action(
        "Refund",
        "Gives back all or part of a Pay: to the prepaid balance, or off the debt.",
        pay.refund,
        (
            _TRANSACTION,
            _amount("RefundAmount", "How much to give back.", OPTIONAL, "whatever is left of the original amount"),
            _REFERENCE,
            _CALLER_DESCRIPTION,
            Field(
                "MarketplaceRefundPolicy",
                "MarketplaceRefundPolicy",
                OPTIONAL,
                "Who gives back what of a marketplace payment; without effect where there is no third party.",
                default="MasterTxnOnly",
            ),
            _NOTIFICATION_URL,
        ),
        _MONEY_RESULT,
        moves_money=True,
    ),
    _action(
        "SettleDebt",
        "Charges the sender through the settlement token and lowers the debt of a credit instrument.",
        postpaid.settle_debt,
        (
            _SENDER_TOKEN,
            _CREDIT_INSTRUMENT,
            _amount("SettlementAmount", "How much of the debt to settle; the caller receives it less the fee."),
            _REFERENCE,
            _SENDER_DESCRIPTION,
            _CALLER_DESCRIPTION,
            _DESCRIPTOR_POLICY,
            _TIMEOUT,
            _NOTIFICATION_URL,
        ),
        _MONEY_RESULT,
        moves_money=True,
    ),
    _action(
        "WriteOffDebt",
        "Forgives part or all of a debt. No money moves, and it cannot be undone.",
        postpaid.write_off_debt,
        (
            _CREDIT_INSTRUMENT,
            _amount("AdjustmentAmount", "How much of the debt to forgive."),
            _REFERENCE,
            _CALLER_DESCRIPTION,
        ),
        _MONEY_RESULT,
        moves_money=True,
    ),
)

_BALANCES: Final = (
    _action(
        "GetPrepaidBalance",
        "What is left to spend of a prepaid instrument. For its sender and its recipient.",
        prepaid.get_prepaid_balance,
        (_PREPAID_INSTRUMENT,),
        (Element("PrepaidBalance", "PrepaidBalance", optional=True),),
    ),
    _action(
        "GetTotalPrepaidLiability",
        "The sum of all prepaid balances that the caller has to make good.",
        prepaid.get_total_prepaid_liability,
        (),
        (Element("OutstandingPrepaidLiability", "OutstandingPrepaidLiability", optional=True),),
    ),
    _action(
        "GetDebtBalance",
        "What is owed on a credit instrument. For its sender and its recipient.",
        postpaid.get_debt_balance,
        (_CREDIT_INSTRUMENT,),
        (Element("DebtBalance", "DebtBalance", optional=True),),
    ),
    _action(
        "GetOutstandingDebtBalance",
        "The sum of all debts owed to the caller.",
        postpaid.get_outstanding_debt_balance,
        (),
        (Element("OutstandingDebt", "OutstandingDebtBalance", optional=True),),
    ),
    _action(
        "GetAccountBalance",
        "What the service holds for the caller.",
        account.get_account_balance,
        (),
        (Element("AccountBalance", "AccountBalance", optional=True),),
    ),
)

_TRANSACTIONS: Final = (
    _action(
        "GetTransaction",
        "Everything about a transaction. For those who took part in it.",
        transactions.get_transaction,
        (_TRANSACTION,),
        (Element("Transaction", "TransactionDetail", optional=True),),
    ),
    _action(
        "GetTransactionStatus",
        "How far a transaction is.",
        transactions.get_transaction_status,
        (replace(_TRANSACTION, first_version=V2008),),
        (
            Element("TransactionId", "string"),
            Element("TransactionStatus", "TransactionStatus"),
            Element("CallerReference", "string"),
            Element("StatusCode", "string", optional=True),
            Element("StatusMessage", "string", optional=True),
        ),
        first_version=V2008,
    ),
    _action(
        "GetAccountActivity",
        "The transactions in which the caller took part, page by page.",
        activity.get_account_activity,
        (
            Field(
                "MaxBatchSize",
                "integer",
                OPTIONAL,
                "How many transactions one answer may hold.",
                least=activity.LEAST_BATCH,
                most=activity.MOST_BATCH,
                default="20",
            ),
            Field("StartDate", "dateTime", REQUIRED, "Received at or after this moment, which is not in the future."),
            Field("EndDate", "dateTime", OPTIONAL, "Received at or before this moment.", default="now"),
            Field("SortOrderByDate", "SortOrder", OPTIONAL, "By the date received.", default="Descending"),
            Field("FPSOperation", "FPSOperation", OPTIONAL, "Only this.", default="no filter", first_version=V2008),
            Field("PaymentMethod", "PaymentMethod", OPTIONAL, "Only this.", default="no filter"),
            Field(
                "Role",
                "TransactionalRole",
                OPTIONAL,
                "Only where the caller played one of these roles.",
                default="no filter",
                repeated=True,
            ),
            Field(
                "TransactionStatus",
                "TransactionStatus",
                OPTIONAL,
                "Only this.",
                default="no filter",
                first_version=V2008,
            ),
            Field(
                "ResponseGroup",
                "string",
                OPTIONAL,
                "Of the 2007-01-08 schema; later clients still send it. Checked, without effect.",
                choices=("Summary", "Details"),
                default="Details",
                last_version=V2007,
            ),
        ),
        (
            Element("BatchSize", "integer", optional=True),
            Element("Transaction", "Transaction", optional=True, repeated=True),
            Element("StartTimeForNextTransaction", "dateTime", optional=True),
        ),
    ),
)

_EITHER: Final = "exactly one of TokenId and CallerReference"
_TOKENS: Final = (
    _action(
        "GetTokenByCaller",
        "A token that the caller had installed on another account.",
        tokens.get_token_by_caller,
        (
            Field("TokenId", "string", CONDITIONAL, "The token.", condition=_EITHER, max_length=64),
            Field(
                "CallerReference",
                "string",
                CONDITIONAL,
                "The reference under which it was installed.",
                condition=_EITHER,
                max_length=128,
            ),
        ),
        (Element("Token", "Token", optional=True),),
    ),
    _action(
        "GetTokens",
        "The tokens on the caller's own account.",
        tokens.get_tokens,
        (
            Field("TokenStatus", "TokenStatus", OPTIONAL, "Only tokens in this status.", default="Active"),
            Field("TokenType", "TokenType", OPTIONAL, "Only this.", default="no filter", first_version=V2008),
            Field("CallerReference", "string", OPTIONAL, "Only this.", default="no filter", max_length=128),
            Field("TokenFriendlyName", "string", OPTIONAL, "Only this.", default="no filter", max_length=128),
        ),
        (Element("Token", "Token", optional=True, repeated=True),),
    ),
    _action(
        "GetTokenUsage",
        "How much of a token's usage limits is used.",
        tokens.get_token_usage,
        (Field("TokenId", "string", REQUIRED, "The token.", max_length=64),),
        (Element("TokenUsageLimits", "TokenUsageLimit", optional=True, repeated=True, max_occurs=3),),
    ),
    _action(
        "CancelToken",
        "Revokes a token so that it can pay for nothing more.",
        tokens.cancel_token,
        (
            Field("TokenId", "string", REQUIRED, "The token.", max_length=64),
            Field("ReasonText", "string", OPTIONAL, "Why. Checked, not kept.", default="", max_length=64),
            _NOTIFICATION_URL,
        ),
    ),
    _action(
        "InstallPaymentInstruction",
        "Makes a token on the caller's own account from a payment instruction.",
        instructions.install_payment_instruction,
        (
            Field(
                "PaymentInstruction",
                "string",
                REQUIRED,
                "What the token may be used for, in the language of payment instructions.",
            ),
            Field("TokenFriendlyName", "string", OPTIONAL, "What people call the token.", max_length=128),
            Field(
                "CallerReference",
                "string",
                REQUIRED,
                "The caller's own name for the token; a token keeps it for ever.",
                max_length=128,
            ),
            Field("TokenType", "TokenType", REQUIRED, "How often the token may be used."),
            Field("PaymentReason", "string", OPTIONAL, "What the token is for.", max_length=64),
        ),
        (Element("TokenId", "string"),),
    ),
    _action(
        "GetPaymentInstruction",
        "The payment instruction that a token was made from.",
        instructions.get_payment_instruction,
        (Field("TokenId", "string", REQUIRED, "The token.", max_length=64),),
        (
            Element("Token", "Token"),
            Element("PaymentInstruction", "string"),
            Element("CallerReference", "string"),
            Element("TokenFriendlyName", "string", optional=True),
        ),
    ),
    _action(
        "VerifySignature",
        "Tells whether a return URL or a notification was signed by this service.",
        verify_signature.verify_signature,
        (
            Field(
                "UrlEndPoint",
                "string(url)",
                REQUIRED,
                "The URL that received the message, without its query.",
                first_version=V2008,
            ),
            Field(
                "HttpParameters",
                "string",
                REQUIRED,
                "The message's query string or body, as it was received.",
                first_version=V2008,
            ),
        ),
        (Element("VerificationStatus", "VerificationStatus", optional=True),),
        first_version=V2008,
        may_be_unsigned=V2008,
    ),
)

ACTIONS: Final[Mapping[str, Action]] = {
    action.name: action for action in (*_MONEY_ACTIONS, *_BALANCES, *_TRANSACTIONS, *_TOKENS)
}
