"""What people agree to on the hosted pages: the parameters of a pipeline as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from typing import Any, Final

from tallystick.domain.commands import AmountRule, LimitTerms, Method, TokenTerms, TokenType
from tallystick.domain.ids import TokenId
from tallystick.domain.limits import LimitKind
from tallystick.domain.money import parse_amount
from tallystick.domain.periods import Period
from tallystick.domain.texts import DIRECTION
from tallystick.services.consent.address import WIRE_NAMES, DeliveryAddress, read_address
from tallystick.services.consent.parameters import LINES, LONGEST_ADDRESS_LINE
from tallystick.services.consent.values import (
    boolean,
    count,
    dollars_micros,
    moment,
    payment_methods,
    percent_ppm,
    token_ids,
)

REASON_TAGS: Final = {"b", "i", "u", "ul", "li", "br", "em", "strong", "strike"}

SINGLE_USE_LIFE: Final = timedelta(hours=3)
MULTI_USE_LIFE: Final = Period(1, "Year")
"""How long tokens live when nothing else is said. Source: docs/protocol/semantics.md, 5."""


def reason_html(reason: str) -> str:
    """What a seller said of a payment, safe to show: a few tags stay, all else is text that reads as it was written.

    Without signs that turn text around, also those that came as a character reference.
    """
    import nh3  # noqa: PLC0415 - more than a megabyte, for pages that few processes show

    return DIRECTION.sub("", nh3.clean(reason, tags=REASON_TAGS, attributes={})).strip()


@dataclass(frozen=True, slots=True)
class ConsentTerms:
    """What all pipelines share. `reason` is what the seller says of it, as given.

    `address` is None when it is asked for.
    `address_refused`: one was given that cannot be used, so the buyer does not see it and the caller is warned.
    `starts_at` is None when the authorization starts at once, `expires_at` when no end was given. `reference` is the
    caller's name for the main token, empty where the caller names none.
    """

    reason: str
    website: str | None
    banner: bool
    methods: tuple[Method, ...]
    starts_at: datetime | None
    expires_at: datetime | None
    collect_address: bool
    address: DeliveryAddress | None
    reference: str
    address_refused: bool = field(default=False, kw_only=True)

    @property
    def reason_html(self) -> str:
        """What the seller says of it, safe to show."""
        return reason_html(self.reason)

    def ends_at(self, now: datetime) -> datetime | None:
        """When that which is agreed to at `now` ends; None: never."""
        del now
        return self.expires_at


@dataclass(frozen=True, slots=True)
class PrepaidTerms(ConsentTerms):
    """Terms of SetupPrepaid. Amounts in micro-units."""

    funding_reference: str
    funding_limit_micros: int


@dataclass(frozen=True, slots=True)
class PostpaidTerms(ConsentTerms):
    """Terms of SetupPostpaid. Amounts in micro-units."""

    settlement_reference: str
    credit_limit_micros: int
    total_limit_micros: int
    limits: tuple[LimitTerms, ...]


@dataclass(frozen=True, slots=True)
class SenderTerms(ConsentTerms):
    """Terms of SingleUse, MultiUse and Recurring: a token that pays with real money.

    `lines` are names and micro-units, for show only. `recipient_branding`: show the recipient's name and logo.
    """

    token_type: TokenType
    agreed: TokenTerms
    limits: tuple[LimitTerms, ...] = ()
    lines: tuple[tuple[str, int], ...] = ()
    recipient_branding: bool = False

    def ends_at(self, now: datetime) -> datetime | None:
        """Single-use tokens end three hours after they were made, multi-use ones after a year by default."""
        if self.token_type is TokenType.SINGLE_USE:
            return now + SINGLE_USE_LIFE
        if self.token_type is TokenType.MULTI_USE and self.expires_at is None:
            return MULTI_USE_LIFE.after(max(now, self.starts_at or now))
        return self.expires_at


@dataclass(frozen=True, slots=True)
class PurchaseTerms(SenderTerms):
    """Terms of a Simple Pay button: a single-use token, and the payment at once. `amount_micros` in whole cents."""

    amount_micros: int = 0
    description: str = ""
    order_reference: str | None = None
    notification_url: str | None = None

    @property
    def reason_html(self) -> str:
        """The description: text without any tags."""
        return escape(DIRECTION.sub("", self.reason))


@dataclass(frozen=True, slots=True)
class RecipientTerms(ConsentTerms):
    """Terms of Recipient. `accepted` is None where buyers may pay by any method."""

    agreed: TokenTerms
    accepted: tuple[Method, ...] | None
    refund_reference: str | None


@dataclass(frozen=True, slots=True)
class EditTerms(ConsentTerms):
    """Terms of EditToken: another way of paying for this token."""

    token_id: TokenId


AnyTerms = PrepaidTerms | PostpaidTerms | SenderTerms | RecipientTerms | EditTerms


def read_terms(pipeline: str, params: Mapping[str, str]) -> AnyTerms:
    """The terms in parameters that were checked. Unchecked ones raise ValueError or KeyError."""
    read = _READERS.get(pipeline)
    if read is None:
        raise ValueError(f"no terms for pipeline {pipeline}")
    return read(params)


def _shared(params: Mapping[str, str], reference: str) -> dict[str, Any]:
    collect = boolean(params.get("collectShippingAddress"))
    given = not collect and not WIRE_NAMES.keys().isdisjoint(params)
    address = read_address(params) if given else None
    usable = address is None or _can_be_used(address)
    return {
        "reason": params.get("paymentReason", ""),
        "website": params.get("websiteDescription"),
        "banner": params.get("cobrandingStyle") == "banner",
        "methods": payment_methods(params.get("paymentMethod")),
        "starts_at": _moment(params, "validityStart"),
        "expires_at": _moment(params, "validityExpiry"),
        "collect_address": collect,
        "address": address if usable else None,
        "address_refused": not usable,
        "reference": params[reference] if reference else "",
    }


def _can_be_used(address: DeliveryAddress) -> bool:
    """Whether something can be sent there, and the pages have room for it."""
    return not address.lacks_street and all(len(line) <= LONGEST_ADDRESS_LINE for line in address.lines)


def _prepaid(params: Mapping[str, str]) -> PrepaidTerms:
    return PrepaidTerms(
        **_shared(params, "callerReferenceSender"),
        funding_reference=params["callerReferenceFunding"],
        funding_limit_micros=parse_amount(params["fundingAmount"]),
    )


def _postpaid(params: Mapping[str, str]) -> PostpaidTerms:
    return PostpaidTerms(
        **_shared(params, "callerReferenceSender"),
        settlement_reference=params["callerReferenceSettlement"],
        credit_limit_micros=parse_amount(params["creditLimit"]),
        total_limit_micros=parse_amount(params["globalAmountLimit"]),
        limits=_usage_limits(params),
    )


def _single_use(params: Mapping[str, str]) -> SenderTerms:
    reserve = boolean(params.get("reserve"))
    shared = _shared(params, "callerReference")
    if reserve:  # only cards can be reserved from
        shared["methods"] = (Method.CC,)
    return SenderTerms(
        **shared,
        token_type=TokenType.SINGLE_USE,
        agreed=TokenTerms(
            AmountRule.EXACT,
            parse_amount(params["transactionAmount"]),
            recipient_tokens=_recipient_tokens(params, "recipientToken"),
            for_reserve=reserve,
        ),
        lines=tuple((name, parse_amount(params[name])) for name in LINES if name in params),
    )


def _multi_use(params: Mapping[str, str]) -> SenderTerms:
    total = LimitTerms(LimitKind.AMOUNT, parse_amount(params["globalAmountLimit"]), None)
    bound = "transactionAmount" in params
    return SenderTerms(
        **_shared(params, "callerReference"),
        token_type=TokenType.MULTI_USE,
        agreed=TokenTerms(
            AmountRule(params.get("amountType", "Exact")) if bound else None,
            parse_amount(params["transactionAmount"]) if bound else None,
            recipient_tokens=_recipient_tokens(params, "recipientTokenList"),
        ),
        limits=(total, *_usage_limits(params)),
        recipient_branding=boolean(params.get("isRecipientCobranding")),
    )


def _recurring(params: Mapping[str, str]) -> SenderTerms:
    return SenderTerms(
        **_shared(params, "callerReference"),
        token_type=TokenType.RECURRING,
        agreed=TokenTerms(
            AmountRule.EXACT,
            parse_amount(params["transactionAmount"]),
            recipient_tokens=_recipient_tokens(params, "recipientToken"),
        ),
        limits=(LimitTerms(LimitKind.COUNT, 1, Period.parse(params["recurringPeriod"])),),
        recipient_branding=boolean(params.get("isRecipientCobranding")),
    )


def _recipient(params: Mapping[str, str]) -> RecipientTerms:
    return RecipientTerms(
        **_shared(params, "callerReference"),
        agreed=TokenTerms(
            recipient_pays_fee=boolean(params["recipientPaysFee"]),
            max_fixed_fee_micros=parse_amount(params.get("maxFixedFee", "0")),
            max_variable_fee_ppm=percent_ppm(params.get("maxVariableFee", "0")),
        ),
        accepted=payment_methods(params["paymentMethod"]) if "paymentMethod" in params else None,
        refund_reference=params.get("callerReferenceRefund"),
    )


def _edit(params: Mapping[str, str]) -> EditTerms:
    return EditTerms(**_shared(params, "callerReference"), token_id=TokenId(params["tokenId"]))


def _purchase(params: Mapping[str, str]) -> PurchaseTerms:
    amount_micros = dollars_micros(params["amount"])
    return PurchaseTerms(
        **_shared(params, "") | {"reason": params["description"]},
        token_type=TokenType.SINGLE_USE,
        agreed=TokenTerms(AmountRule.EXACT, amount_micros),
        amount_micros=amount_micros,
        description=params["description"],
        order_reference=params.get("referenceId"),
        notification_url=params.get("ipnUrl"),
    )


_READERS: Final[Mapping[str, Callable[[Mapping[str, str]], AnyTerms]]] = {
    "SetupPrepaid": _prepaid,
    "SetupPostpaid": _postpaid,
    "SingleUse": _single_use,
    "MultiUse": _multi_use,
    "Recurring": _recurring,
    "Recipient": _recipient,
    "EditToken": _edit,
    "SimplePay": _purchase,
}


def _moment(params: Mapping[str, str], name: str) -> datetime | None:
    return moment(params[name]) if name in params else None


def _recipient_tokens(params: Mapping[str, str], name: str) -> tuple[str, ...]:
    return token_ids(params[name]) if name in params else ()


def _usage_limits(params: Mapping[str, str]) -> tuple[LimitTerms, ...]:
    return tuple(_limit(params, number) for number in (1, 2) if f"usageLimitType{number}" in params)


def _limit(params: Mapping[str, str], number: int) -> LimitTerms:
    kind = LimitKind(params[f"usageLimitType{number}"])
    value = params[f"usageLimitValue{number}"]
    limit = count(value) if kind is LimitKind.COUNT else parse_amount(value)
    if limit is None:
        raise ValueError(f"usageLimitValue{number} is no whole number")
    period = params.get(f"usageLimitPeriod{number}")
    return LimitTerms(kind, limit, None if period is None else Period.parse(period))
