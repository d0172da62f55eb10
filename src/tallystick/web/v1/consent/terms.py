"""What a program may ask for in /v1: the fields of each kind of authorization, and the pipeline that they become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import AmountRule
from tallystick.domain.moments import parse_moment
from tallystick.domain.money import USD, format_amount, parse_amount
from tallystick.domain.periods import Period
from tallystick.services.api.common_fields import OPTIONAL, REQUIRED
from tallystick.services.api.fields import Field
from tallystick.services.consent import requested
from tallystick.services.events.authorizations import (
    METHODS,
    MULTIPLE,
    PAYMENT,
    POSTPAID,
    PREPAID,
    RECURRING,
    RULES,
    SINGLE,
)
from tallystick.web.v1.inputs import CURRENCY, Given, JsonInput
from tallystick.web.v1.problems import JsonProblemError

if TYPE_CHECKING:
    from collections.abc import Collection

KINDS: Final = (PREPAID, POSTPAID, PAYMENT)

MOST_LIMITS: Final = 2
"""Usage limits of one authorization, as the hosted pages have them."""

KIND: Final = JsonInput(
    Field(
        "kind",
        "string",
        REQUIRED,
        "A prepaid balance; a tab; or payments, each with real money at once.",
        choices=KINDS,
    ),
    PREPAID,
)
USE: Final = JsonInput(
    Field(
        "use",
        "string",
        OPTIONAL,
        "Of payments, which need it: one within three hours, several within limits, or one in each period.",
        choices=(SINGLE, MULTIPLE, RECURRING),
    ),
    MULTIPLE,
    shown=False,
)
LIMIT: Final = JsonInput(
    Field(
        "limit",
        "decimal",
        OPTIONAL,
        "Of a balance or tab, which needs it: the most that it can be, or that can be owed at any one time.",
    ),
    "25.00",
)
TOTAL: Final = JsonInput(
    Field(
        "total_limit",
        "decimal",
        OPTIONAL,
        "Of a tab or of several payments, which need it: the most that may be charged in all.",
    ),
    "500.00",
    shown=False,
)
LIMITS: Final = JsonInput(
    Field("limits", "array", OPTIONAL, "Of a tab or of several payments: how much, or how often, in a period."),
    [{"amount": "50.00", "period": "1 Month"}],
    members=(
        JsonInput(Field("amount", "decimal", OPTIONAL, "The most that may be charged; this or `charges`."), "50.00"),
        JsonInput(
            Field("charges", "integer", OPTIONAL, "How many charges there may be.", minimum=1, maximum=1_000_000), 30
        ),
        JsonInput(
            Field(
                "period",
                "string",
                OPTIONAL,
                "How often it starts anew, such as `1 Day` or `3 Months`. Without it: never.",
                max_length=16,
            ),
            "1 Month",
        ),
    ),
    most=MOST_LIMITS,
    shown=False,
)
AMOUNT: Final = JsonInput(
    Field(
        "amount",
        "decimal",
        OPTIONAL,
        "What each payment comes to, in whole cents. Single and recurring payments need it.",
    ),
    "9.99",
    shown=False,
)
AMOUNT_RULE: Final = JsonInput(
    Field(
        "amount_rule",
        "string",
        OPTIONAL,
        "Of several payments: how `amount` binds each of them.",
        choices=tuple(RULES.values()),
        default=RULES[AmountRule.EXACT],
    ),
    "maximum",
    shown=False,
)
PERIOD: Final = JsonInput(
    Field(
        "period",
        "string",
        OPTIONAL,
        "Of recurring payments, which need it: how often there is one, such as `1 Month`.",
        max_length=16,
    ),
    "1 Month",
    shown=False,
)
FOR_RESERVATION: Final = JsonInput(
    Field("for_reservation", "boolean", OPTIONAL, "Of a single payment: it is reserved, by card, and captured later."),
    example=False,
    shown=False,
)
ACCEPTED: Final = JsonInput(
    Field(
        "payment_methods",
        "string",
        OPTIONAL,
        "How the buyer may pay. Without it: each way that there is.",
        choices=tuple(METHODS.values()),
    ),
    ["card", "bank_account"],
    many=True,
    most=len(METHODS),
    shown=False,
)
DESCRIPTION: Final = JsonInput(
    Field("description", "string", OPTIONAL, "What the buyer reads.", max_length=4000), "API credits"
)
RETURN_URL: Final = JsonInput(
    Field("return_url", "string(url)", REQUIRED, "Where the buyer's browser goes afterwards.", max_length=500),
    "https://shop.example/back",
)
STARTS_AT: Final = JsonInput(
    Field("starts_at", "dateTime", OPTIONAL, "When it begins, at most a year ahead. Without it: at once."),
    "2027-01-01T00:00:00Z",
    shown=False,
)
EXPIRES_AT: Final = JsonInput(
    Field(
        "expires_at",
        "dateTime",
        OPTIONAL,
        "When it ends. Without it: never; several payments after a year. A single one always ends after three hours.",
    ),
    "2030-01-01T00:00:00Z",
    shown=False,
)

INPUTS: Final = (
    KIND,
    USE,
    LIMIT,
    TOTAL,
    LIMITS,
    AMOUNT,
    AMOUNT_RULE,
    PERIOD,
    FOR_RESERVATION,
    ACCEPTED,
    CURRENCY,
    DESCRIPTION,
    RETURN_URL,
    STARTS_AT,
    EXPIRES_AT,
)


@dataclass(frozen=True, slots=True)
class _Sort:
    """One thing that can be asked for: in words, its pipeline, the fields that it needs and those that it may have."""

    words: str
    pipeline: str
    needs: tuple[str, ...]
    may: tuple[str, ...] = ()


_LIFE: Final = (STARTS_AT.name, EXPIRES_AT.name)
_SORTS: Final[Mapping[tuple[str, str | None], _Sort]] = {
    (PREPAID, None): _Sort("a prepaid balance", requested.PREPAID, ("limit",), _LIFE),
    (POSTPAID, None): _Sort("a tab", requested.POSTPAID, ("limit", "total_limit"), ("limits", *_LIFE)),
    (PAYMENT, SINGLE): _Sort("a single payment", requested.SINGLE_USE, ("amount",), ("for_reservation",)),
    (PAYMENT, MULTIPLE): _Sort(
        "several payments", requested.MULTI_USE, ("total_limit",), ("amount", "amount_rule", "limits", *_LIFE)
    ),
    (PAYMENT, RECURRING): _Sort("recurring payments", requested.RECURRING, ("amount", "period"), _LIFE),
}
_OF_SOME: Final = ("limit", "total_limit", "limits", "amount", "amount_rule", "period", "for_reservation", *_LIFE)
"""Fields that only some kinds have."""

USE_OF: Final = {sort.pipeline: use for (_, use), sort in _SORTS.items()}
KIND_OF: Final = {sort.pipeline: kind for (kind, _), sort in _SORTS.items()}

_AMOUNTS: Final = {
    "fundingAmount": ("limit", requested.PREPAID),
    "creditLimit": ("limit", requested.POSTPAID),
    "globalAmountLimit": ("total_limit", None),
    "transactionAmount": ("amount", None),
}
"""Parameters of pipelines with amounts: the field, and the pipeline where only one has the parameter."""


def read(given: Given) -> tuple[str, dict[str, str]]:
    """The pipeline, and its parameters but references and version. Raises ProblemError."""
    sort = _sort(given)
    present = {*given, *given.rows, *given.lists}
    for name in sort.needs:
        if name not in present:
            raise JsonProblemError("missing_field", f"{_capital(sort.words)} needs {name}.", field=name)
    for name in _OF_SOME:
        if name in present and name not in (*sort.needs, *sort.may):
            raise JsonProblemError("invalid_request", f"{name} is not for {sort.words}.", field=name)
    if "amount_rule" in given and "amount" not in given:
        raise JsonProblemError("missing_field", "amount_rule needs amount.", field="amount")
    return sort.pipeline, dict(_parameters(given, sort.pipeline, present))


def _sort(given: Given) -> _Sort:
    kind, use = given["kind"], given.get("use")
    sort = _SORTS.get((kind, use))
    if sort is not None:
        return sort
    if use is None:
        raise JsonProblemError("missing_field", "Payments need use.", field="use")
    raise JsonProblemError("invalid_request", "use is for payments.", field="use")


def _parameters(given: Given, pipeline: str, present: Collection[str]) -> Iterator[tuple[str, str]]:
    yield "returnURL", given["return_url"]
    yield "currencyCode", USD
    if "description" in given:
        yield "paymentReason", given["description"]
    for parameter, (name, only) in _AMOUNTS.items():
        if name in given and only in {None, pipeline}:
            yield parameter, format_amount(parse_amount(given[name]))
    yield from _moments(given)
    for index, row in enumerate(given.rows.get("limits", ())):
        yield from _limit(row, index)
    if "amount_rule" in given:
        yield "amountType", next(rule.value for rule, word in RULES.items() if word == given["amount_rule"])
    if "period" in given:
        yield "recurringPeriod", _period(given["period"], "period")
    if given.get("for_reservation") == "true":
        yield "reserve", "True"
    if ACCEPTED.name in present:
        codes = {word: method.value for method, word in METHODS.items()}
        yield "paymentMethod", ",".join(codes[word] for word in given.lists[ACCEPTED.name])


def _moments(given: Given) -> Iterator[tuple[str, str]]:
    for parameter, name in (("validityStart", "starts_at"), ("validityExpiry", "expires_at")):
        if name in given:
            yield parameter, str(int(parse_moment(given[name]).timestamp()))


def _limit(row: Given, index: int) -> Iterator[tuple[str, str]]:
    path, number = f"limits[{index}]", index + 1
    if ("amount" in row) == ("charges" in row):
        raise JsonProblemError("invalid_request", f"{path} needs one of amount and charges.", field=path)
    of_amount = "amount" in row
    yield f"usageLimitType{number}", "Amount" if of_amount else "Count"
    yield f"usageLimitValue{number}", format_amount(parse_amount(row["amount"])) if of_amount else row["charges"]
    if "period" in row:
        yield f"usageLimitPeriod{number}", _period(row["period"], f"{path}.period")


def _period(text: str, field: str) -> str:
    try:
        return str(Period.parse(text))
    except ValueError:
        message = f"{field} must be a period such as 1 Month: of hours, days, weeks, months or years."
        raise JsonProblemError("invalid_request", message, field=field) from None


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
