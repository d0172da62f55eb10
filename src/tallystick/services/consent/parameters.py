"""The pipelines of the hosted pages as data: what each is for, its parameters, its answer, its statuses.

Source: docs/protocol/cobranded.md, 2 to 6; of the Simple Pay form, what public client programs send. A new
pipeline is an entry here; the checks, the documentation and the tests loop over the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tallystick.services.consent.address import WIRE_NAMES
from tallystick.services.consent.values import ValueKind

INTERFACE_VERSION: Final = "2009-01-09"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `needs`: names that must be given when this one is."""

    name: str
    kind: ValueKind
    meaning: str
    required: bool = False
    allowed: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    max_length: int = 500
    other_spellings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One pipeline. `references`: the parameters that name the tokens it makes, the main token's first.

    `echoes_reference`: the answer repeats callerReference. `returns`: what a success carries besides, with the
    condition. `statuses`: what an answer can say.
    """

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    references: tuple[str, ...]
    returns: tuple[tuple[str, str], ...]
    statuses: tuple[str, ...]
    echoes_reference: bool = False

    @property
    def names(self) -> Mapping[str, str]:
        """Every spelling that is understood, with the spelling that is kept."""
        return {
            spelling: parameter.name
            for parameter in self.parameters
            for spelling in (*parameter.other_spellings, parameter.name)
        }


STATUSES: Final[Mapping[str, str]] = {
    "SA": "agreed, paying from the account balance (ABT)",
    "SB": "agreed, paying from a bank account (ACH)",
    "SC": "agreed, paying by card (CC)",
    "SR": "the recipient agreed",
    "SU": "the way of paying stays as it was; `tokenID` is the token as before",
    "A": "left without agreeing",
    "CE": "the request is at fault; `errorMessage` names the parameters",
    "SE": "something went wrong on our side",
    "PE": "the buyer has none of the payment methods asked for",
    "NP": "the account cannot do this: suspended or closed, sender and recipient are the same, a personal account that"
    " was to receive",
    "NM": "the caller may not act for other recipients",
    "IT": "the token cannot be edited: unknown, expired, cancelled, or not of a kind that can",
    "UT": "the token is somebody else's",
    "NA": "the account behind the token is suspended or closed",
    "PS": "paid",
    "PI": "begun; the card or bank account has not answered yet",
    "PF": "not paid; `errorMessage` says why",
    "ME": "the button is at fault; `errorMessage` names the parameters",
}
"""What the status on a return URL means. The last four belong to Simple Pay, with A and SE."""

ADDRESS: Final = tuple(WIRE_NAMES)
LONGEST_ADDRESS_LINE: Final = 200
"""Characters of one part of an address that pages show. A longer one spoils no link; the caller is warned of it."""

LINES: Final = ("itemTotal", "shipping", "handling", "giftWrapping", "discount", "tax")

_BRAND: Final = (
    Parameter(
        "cobrandingStyle",
        ValueKind.STRING,
        "How large the seller's logo is. Default: `logo`.",
        allowed=("logo", "banner"),
    ),
    Parameter("cobrandingUrl", ValueKind.URL, "Checked and not loaded: pages show the logo that the seller uploaded."),
    Parameter("websiteDescription", ValueKind.STRING, "Name of the site in the link that leads back to it."),
)
COMMON: Final = (
    Parameter("callerKey", ValueKind.STRING, "Access key of the caller.", required=True),
    Parameter("pipelineName", ValueKind.STRING, "The name of the pipeline.", required=True),
    Parameter(
        "returnURL",
        ValueKind.URL,
        "Where the browser ends up; its own parameters are kept.",
        required=True,
        other_spellings=("returnUrl",),
    ),
    Parameter(
        "version", ValueKind.STRING, "Version of this interface; also the default.", allowed=(INTERFACE_VERSION,)
    ),
    *_BRAND,
)
METHODS: Final = Parameter(
    "paymentMethod",
    ValueKind.METHODS,
    "Which of `ABT`, `CC` and `ACH` may be chosen, comma-separated. Default: all three.",
)
SENDER: Final = (
    Parameter(
        "collectShippingAddress",
        ValueKind.BOOLEAN,
        "Ask for an address and give it back under the names below; those given are ignored then.",
    ),
    Parameter("currencyCode", ValueKind.STRING, "The currency.", allowed=("USD",)),
    METHODS,
    Parameter(
        "paymentReason",
        ValueKind.HTML,
        "What is paid for. Given back as it is; pages keep b, i, u, ul, li, br, em, strong and strike of its HTML.",
        max_length=4000,
    ),
    *(
        Parameter(
            name, ValueKind.STRING, "Shown before the buyer agrees, unless it is longer than 200.", max_length=2000
        )
        for name in ADDRESS
    ),
)
VALIDITY: Final = (
    Parameter("validityStart", ValueKind.EPOCH, "When it begins, at most a year ahead. Default: at once."),
    Parameter("validityExpiry", ValueKind.EPOCH, "When it ends. Default: see the summary."),
)
RECIPIENT_BRAND: Final = Parameter(
    "isRecipientCobranding", ValueKind.BOOLEAN, "Show name and logo of the recipient instead of the caller's."
)
RECIPIENT_TOKEN: Final = Parameter(
    "recipientToken", ValueKind.TOKEN, "Marketplace: the token of the recipient who is paid instead of the caller."
)
DISABLE_GUEST: Final = Parameter(
    "disableGuest", ValueKind.BOOLEAN, "Without effect: everybody signs in, there are no guests."
)

_SENDER_STATUSES: Final = ("SA", "SB", "SC", "SE", "A", "CE", "PE", "NP", "NM")
_CARD_EXPIRY: Final = ("expiry", "card chosen: its month and year")
_ADDRESS_BACK: Final = ("address parameters", "collectShippingAddress=True")
_WARNING: Final = (
    ("warningCode", "an address was given that cannot be used: `invalidShippingAddress`"),
    ("warningMessage", "given with it"),
)


def _usage_limit(number: int) -> tuple[Parameter, ...]:
    kind, value, period = (f"usageLimit{what}{number}" for what in ("Type", "Value", "Period"))
    return (
        Parameter(kind, ValueKind.STRING, "What the limit counts.", allowed=("Amount", "Count"), needs=(value,)),
        Parameter(value, ValueKind.NUMBER, "The limit.", needs=(kind,)),
        Parameter(period, ValueKind.PERIOD, "How often it starts anew. Default: never.", needs=(kind, value)),
    )


def _reference(name: str, meaning: str) -> Parameter:
    return Parameter(name, ValueKind.REFERENCE, meaning, required=True, max_length=128)


_CALLER_REFERENCE: Final = _reference("callerReference", "The caller's name for the token.")


def _set_up(
    name: str, summary: str, references: tuple[Parameter, ...], *own: Parameter, made: tuple[str, ...]
) -> Pipeline:
    return Pipeline(
        name,
        summary,
        (*COMMON, *references, *own, *VALIDITY, *SENDER),
        references=tuple(reference.name for reference in references),
        returns=(*((one, "") for one in made), _CARD_EXPIRY, _ADDRESS_BACK, *_WARNING),
        statuses=_SENDER_STATUSES,
    )


def _one_token(name: str, summary: str, *own: Parameter) -> Pipeline:
    return Pipeline(
        name,
        summary,
        (*COMMON, _CALLER_REFERENCE, *own, *SENDER),
        references=("callerReference",),
        returns=(("tokenID", ""), _CARD_EXPIRY, _ADDRESS_BACK, *_WARNING),
        statuses=_SENDER_STATUSES,
        echoes_reference=True,
    )


PIPELINES: Final[Mapping[str, Pipeline]] = {
    pipeline.name: pipeline
    for pipeline in (
        _set_up(
            "SetupPrepaid",
            "A prepaid balance with a token to fill it and a token to spend from it. No end unless given.",
            (
                _reference("callerReferenceSender", "The caller's name for the spending token."),
                _reference("callerReferenceFunding", "The caller's name for the funding token."),
            ),
            Parameter("fundingAmount", ValueKind.AMOUNT, "The most that the balance can be.", required=True),
            made=("prepaidInstrumentID", "prepaidSenderTokenID", "fundingTokenID"),
        ),
        _set_up(
            "SetupPostpaid",
            "A tab with a token to put charges on it and a token to settle it. No end unless given.",
            (
                _reference("callerReferenceSender", "The caller's name for the spending token."),
                _reference("callerReferenceSettlement", "The caller's name for the settlement token."),
            ),
            Parameter("creditLimit", ValueKind.AMOUNT, "The most that may be owed at any one time.", required=True),
            Parameter("globalAmountLimit", ValueKind.AMOUNT, "The most that may be charged in all.", required=True),
            *_usage_limit(1),
            *_usage_limit(2),
            made=("creditInstrumentID", "creditSenderTokenID", "settlementTokenID"),
        ),
        _one_token(
            "SingleUse",
            "A token for one payment of exactly one amount. It ends three hours after it was made.",
            Parameter("transactionAmount", ValueKind.CENTS, "What the one payment comes to.", required=True),
            Parameter("reserve", ValueKind.BOOLEAN, "The token is for Reserve and not for Pay; cards only."),
            RECIPIENT_TOKEN,
            *(Parameter(name, ValueKind.LINE, "Shown as a line; has no effect on the amount.") for name in LINES),
            DISABLE_GUEST,
            Parameter("collectEmailAddress", ValueKind.BOOLEAN, "Without effect: everybody signs in with one."),
        ),
        _one_token(
            "MultiUse",
            "A token for many payments within limits. It ends after one year unless an end is given.",
            Parameter("globalAmountLimit", ValueKind.AMOUNT, "The most that may be paid in all.", required=True),
            Parameter(
                "amountType",
                ValueKind.STRING,
                "How transactionAmount binds each payment. Default: `Exact`.",
                allowed=("Exact", "Maximum", "Minimum"),
                needs=("transactionAmount",),
            ),
            Parameter("transactionAmount", ValueKind.CENTS, "What each payment comes to, by amountType."),
            *_usage_limit(1),
            *_usage_limit(2),
            Parameter(
                "recipientTokenList",
                ValueKind.TOKENS,
                "Marketplace: tokens of the recipients who may be paid, comma-separated; at most 20.",
                max_length=2000,
            ),
            RECIPIENT_BRAND,
            *VALIDITY,
            DISABLE_GUEST,
        ),
        _one_token(
            "Recurring",
            "A token for one payment of the same amount in each period. No end unless given.",
            Parameter("transactionAmount", ValueKind.CENTS, "What each payment comes to.", required=True),
            Parameter("recurringPeriod", ValueKind.PERIOD, "How often one payment may be made.", required=True),
            RECIPIENT_TOKEN,
            RECIPIENT_BRAND,
            *VALIDITY,
        ),
        Pipeline(
            "Recipient",
            "A business lets the caller receive payments on its behalf: a recipient token for Pay, and a refund token."
            " No end unless given.",
            (
                *COMMON,
                _reference("callerReference", "The caller's name for the recipient token."),
                Parameter(
                    "callerReferenceRefund",
                    ValueKind.REFERENCE,
                    "The caller's name for the refund token.",
                    max_length=128,
                ),
                Parameter(
                    "recipientPaysFee", ValueKind.BOOLEAN, "Who pays our fee: recipient or caller.", required=True
                ),
                Parameter(
                    "maxFixedFee", ValueKind.LINE, "The most that the caller keeps of a payment. Default: nothing."
                ),
                Parameter("maxVariableFee", ValueKind.PERCENT, "The same as a share of the payment. Default: nothing."),
                Parameter(
                    "paymentMethod",
                    ValueKind.METHODS,
                    "By which of `ABT`, `CC` and `ACH` buyers may pay, comma-separated. Default: all three.",
                ),
                *VALIDITY,
            ),
            references=("callerReference", "callerReferenceRefund"),
            returns=(("tokenID", ""), ("refundTokenID", "")),
            statuses=("SR", "SE", "A", "CE", "NP", "NM"),
            echoes_reference=True,
        ),
        Pipeline(
            "EditToken",
            "Another way of paying for a multi-use or recurring token. A new token takes its place, with the same terms"
            " and with what was used of its limits; the old one ends.",
            (
                *COMMON,
                _reference("callerReference", "The caller's name for the new token."),
                Parameter(
                    "tokenId", ValueKind.TOKEN, "The token to change.", required=True, other_spellings=("tokenID",)
                ),
                METHODS,
            ),
            references=("callerReference",),
            returns=(("tokenID", "the new token's"), _CARD_EXPIRY),
            statuses=("SA", "SB", "SC", "SU", "SE", "A", "CE", "PE", "IT", "UT", "NA"),
        ),
    )
}

SIMPLE_PAY: Final = Pipeline(
    "SimplePay",
    "A plain Pay Now button: the buyer confirms and pays at once.",
    (
        Parameter("accessKey", ValueKind.STRING, "Access key of the seller.", required=True),
        Parameter("amount", ValueKind.DOLLARS, "What is paid, in whole cents.", required=True),
        Parameter("description", ValueKind.STRING, "What is paid for.", required=True, max_length=100),
        Parameter(
            "returnUrl",
            ValueKind.URL,
            "Where the browser ends up; its own parameters are kept.",
            required=True,
            other_spellings=("returnURL",),
        ),
        Parameter("abandonUrl", ValueKind.URL, "Where it ends up when the buyer leaves. Default: as returnUrl."),
        Parameter("referenceId", ValueKind.STRING, "The seller's own number; comes back as it is.", max_length=128),
        Parameter("ipnUrl", ValueKind.URL, "Where notifications of this payment go."),
        Parameter("immediateReturn", ValueKind.FLAG, "Without effect: the browser always returns at once."),
        Parameter("processImmediate", ValueKind.FLAG, "Pay at once. Only `1` is offered.", allowed=("1",)),
        Parameter("collectShippingAddress", ValueKind.FLAG, "Ask for an address and give it back.", max_length=5),
        *_BRAND,
    ),
    references=(),
    returns=(
        ("transactionId", ""),
        ("transactionAmount", "`USD` and the amount"),
        ("transactionDate", "seconds since 1970"),
        ("operation", "`PAY`"),
        ("paymentMethod", ""),
        ("paymentReason", "the description"),
        ("referenceId", "given"),
        ("buyerName, buyerEmail", ""),
        ("recipientName, recipientEmail", ""),
        ("address parameters", "collectShippingAddress=1"),
    ),
    statuses=("PS", "PI", "PF", "A", "SE", "ME"),
)
"""The form behind a Simple Pay button. It comes to another address than the pipelines, and has no version."""


def known_parameters(pipeline: Pipeline, given: Mapping[str, str]) -> dict[str, str]:
    """What this pipeline understands of what was given, in its own spelling; blank values are left out."""
    known: dict[str, str] = {}
    for spelling, name in pipeline.names.items():  # the proper spelling comes last and wins
        if value := given.get(spelling, ""):
            known[name] = value
    return known


def pipeline_of_visit(name: str) -> Pipeline:
    """The pipeline that a visit was begun for. Raises KeyError."""
    return SIMPLE_PAY if name == SIMPLE_PAY.name else PIPELINES[name]
