"""What a buyer agrees to: the parameters of a pipeline as values, and in plain words with exact figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import nh3

from tallystick.actions.pipeline_parameters import ADDRESS, count, moment, payment_methods, truth
from tallystick.domain.commands import LimitTerms, Method
from tallystick.domain.limits import LimitKind
from tallystick.domain.money import display_amount, parse_amount
from tallystick.domain.periods import Period

REASON_TAGS: Final = {"b", "i", "u", "ul", "li", "br", "em", "strong", "strike"}


@dataclass(frozen=True, slots=True)
class Terms:
    """What both set-up pipelines share. `reason_html` is safe to show; `address` is empty when it is asked for.

    `starts_at` is None when the authorization starts at once, `expires_at` when it has no end.
    """

    reason_html: str
    website: str | None
    methods: tuple[Method, ...]
    starts_at: datetime | None
    expires_at: datetime | None
    collect_address: bool
    address: Mapping[str, str]
    sender_reference: str


@dataclass(frozen=True, slots=True)
class PrepaidTerms(Terms):
    """Terms of SetupPrepaid. Amounts in micro-units."""

    funding_reference: str
    funding_limit_micros: int


@dataclass(frozen=True, slots=True)
class PostpaidTerms(Terms):
    """Terms of SetupPostpaid. Amounts in micro-units."""

    settlement_reference: str
    credit_limit_micros: int
    total_limit_micros: int
    limits: tuple[LimitTerms, ...]


def read_terms(pipeline: str, params: Mapping[str, str]) -> PrepaidTerms | PostpaidTerms:
    """The terms in parameters that were checked. Unchecked ones raise ValueError or KeyError."""
    collect = truth(params.get("collectShippingAddress"))
    common = Terms(
        reason_html=nh3.clean(params.get("paymentReason", ""), tags=REASON_TAGS, attributes={}).strip(),
        website=params.get("websiteDescription"),
        methods=payment_methods(params.get("paymentMethod")),
        starts_at=_moment(params, "validityStart"),
        expires_at=_moment(params, "validityExpiry"),
        collect_address=collect,
        address={} if collect else {name: params[name] for name in ADDRESS if name in params},
        sender_reference=params["callerReferenceSender"],
    )
    shared = {name: getattr(common, name) for name in Terms.__dataclass_fields__}
    if pipeline == "SetupPrepaid":
        return PrepaidTerms(
            **shared,
            funding_reference=params["callerReferenceFunding"],
            funding_limit_micros=parse_amount(params["fundingAmount"]),
        )
    if pipeline == "SetupPostpaid":
        return PostpaidTerms(
            **shared,
            settlement_reference=params["callerReferenceSettlement"],
            credit_limit_micros=parse_amount(params["creditLimit"]),
            total_limit_micros=parse_amount(params["globalAmountLimit"]),
            limits=tuple(_limit(params, number) for number in (1, 2) if f"usageLimitType{number}" in params),
        )
    raise ValueError(f"no terms for pipeline {pipeline}")


def _moment(params: Mapping[str, str], name: str) -> datetime | None:
    return moment(params[name]) if name in params else None


def _limit(params: Mapping[str, str], number: int) -> LimitTerms:
    kind = LimitKind(params[f"usageLimitType{number}"])
    value = params[f"usageLimitValue{number}"]
    limit = count(value) if kind is LimitKind.COUNT else parse_amount(value)
    if limit is None:
        raise ValueError(f"usageLimitValue{number} is no whole number")
    period = params.get(f"usageLimitPeriod{number}")
    return LimitTerms(kind, limit, None if period is None else Period.parse(period))


def headline(terms: PrepaidTerms | PostpaidTerms) -> tuple[str, str]:
    """The figure that matters most, and what it is."""
    if isinstance(terms, PrepaidTerms):
        return dollars(terms.funding_limit_micros), "Most that your prepaid balance can be"
    return dollars(terms.credit_limit_micros), "Most that you can owe at any one time"


def promises(terms: PrepaidTerms | PostpaidTerms, seller: str, source: str, now: datetime) -> list[str]:
    """What the buyer agrees to, a sentence each. `source` is the means of payment: ``your card ending in 4242``."""
    if isinstance(terms, PrepaidTerms):
        limit = dollars(terms.funding_limit_micros)
        sentences = [
            f"{seller} may take up to {limit} from {source} to fill your prepaid balance.",
            f"When the balance runs low, {seller} may top it up again, to at most {limit}.",
            f"You spend from that balance at {seller}, without coming back to this page.",
            f"Money in the balance can be spent at {seller} only. It is not paid back to {source}.",
        ]
    else:
        sentences = [
            f"{seller} may put what you buy on a tab, without coming back to this page.",
            f"You never owe more than {dollars(terms.credit_limit_micros)} at any one time.",
            f"All purchases on the tab together come to at most {dollars(terms.total_limit_micros)}.",
            *(_limit_in_words(limit) for limit in terms.limits),
            f"{seller} settles the tab from {source}: only what you owe, in one payment or several.",
        ]
    return [*sentences, _validity(terms, now)]


def _limit_in_words(limit: LimitTerms) -> str:
    if limit.kind is LimitKind.AMOUNT:
        what = f"Purchases come to at most {dollars(limit.limit)}"
    else:
        what = f"There are at most {limit.limit} purchases" if limit.limit > 1 else "There is at most 1 purchase"
    if limit.period is None:
        return f"{what} in all."
    period = str(limit.period).lower()
    return f"{what} every {period.removeprefix('1 ')}."


def _validity(terms: PrepaidTerms | PostpaidTerms, now: datetime) -> str:
    start = f"starts on {day(terms.starts_at)}" if terms.starts_at is not None and terms.starts_at > now else ""
    if terms.expires_at is None:
        return f"This authorization {start or 'starts now'} and lasts until you or the seller cancel it."
    text = f"This authorization {start or 'starts now'} and ends on {day(terms.expires_at)}."
    if isinstance(terms, PostpaidTerms):
        return text + " What you owe by then can still be settled afterwards."
    return text


def validity_in_short(terms: PrepaidTerms | PostpaidTerms) -> str:
    """``Until 1 March 2027``, with the time of day when it does not end at midnight; or until cancelled."""
    return "Until cancelled" if terms.expires_at is None else f"Until {day(terms.expires_at)}"


def day(moment: datetime) -> str:
    """A date as people write it; the time only where it is not midnight. UTC, and it says so."""
    moment = moment.astimezone(UTC)
    text = f"{moment.day} {moment:%B %Y}"
    return text if (moment.hour, moment.minute) == (0, 0) else f"{text}, {moment:%H:%M} UTC"


def dollars(micros: int) -> str:
    """An amount with its currency, as people read it: ``1,250.00 USD``."""
    whole, _, fraction = display_amount(micros).partition(".")
    return f"{int(whole):,}.{fraction} USD"
