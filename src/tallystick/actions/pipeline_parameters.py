"""The parameters of the Co-Branded pipelines as data, and the checks that the data asks for.

Source: spec of the Co-Branded service, sections 2 to 5. A new pipeline is an entry in PIPELINES. Values are text as
decoded from the request; an empty value counts as absent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, unique
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from tallystick.domain.commands import Method
from tallystick.domain.money import MICROS_PER_MINOR_UNIT, MICROS_PER_UNIT, parse_amount
from tallystick.domain.periods import Period

INTERFACE_VERSION: Final = "2009-01-09"
MAX_START_AHEAD: Final = timedelta(days=366)  # "at most one year ahead", leap years included

ANSWER_NAMES: Final = frozenset({"status", "errorMessage", "signature", "signatureVersion", "certificateUrl"})
"""Names that the answer on the return URL always needs for itself."""

_URL: Final = re.compile(r"[!#-;=?-\[\]_a-z~]{1,2048}", re.ASCII)  # printable, without blanks, quotes, <, >, \, ^, `
_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]", re.ASCII | re.IGNORECASE)
_EPOCH: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_BUT_LINES: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@unique
class Kind(Enum):
    """How the text of a parameter is read."""

    STRING = "string"
    URL = "url"
    BOOLEAN = "boolean"
    AMOUNT = "amount"
    NUMBER = "number"  # an amount or a count, its neighbour says which
    EPOCH = "epoch"
    PERIOD = "period"
    REFERENCE = "reference"
    METHODS = "payment methods"
    HTML = "text with a few tags"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `needs`: names that must be given when this one is."""

    name: str
    kind: Kind
    required: bool = False
    allowed: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    max_length: int = 500
    other_spellings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One pipeline: its name, its parameters, and which of them name the tokens that it makes."""

    name: str
    parameters: tuple[Parameter, ...]
    references: tuple[str, ...]

    @property
    def names(self) -> Mapping[str, str]:
        """Every spelling that is understood, with the spelling that is kept."""
        return {
            spelling: parameter.name
            for parameter in self.parameters
            for spelling in (*parameter.other_spellings, parameter.name)
        }


def _optional(kind: Kind, *names: str, max_length: int = 500) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, kind, max_length=max_length) for name in names)


ADDRESS: Final = ("addressName", "addressLine1", "addressLine2", "city", "state", "zip", "country", "phoneNumber")

COMMON: Final = (
    Parameter("callerKey", Kind.STRING, required=True),
    Parameter("pipelineName", Kind.STRING, required=True),
    Parameter("returnURL", Kind.URL, required=True, other_spellings=("returnUrl",)),
    Parameter("version", Kind.STRING, required=True, allowed=(INTERFACE_VERSION,)),
    Parameter("cobrandingStyle", Kind.STRING, allowed=("logo", "banner")),
    Parameter("cobrandingUrl", Kind.URL),
    Parameter("websiteDescription", Kind.STRING),
)
SENDER: Final = (
    Parameter("collectShippingAddress", Kind.BOOLEAN),
    Parameter("currencyCode", Kind.STRING, allowed=("USD",)),
    Parameter("paymentMethod", Kind.METHODS),
    Parameter("paymentReason", Kind.HTML, max_length=4000),
    *_optional(Kind.STRING, *ADDRESS, max_length=200),
)
VALIDITY: Final = _optional(Kind.EPOCH, "validityStart", "validityExpiry")


def _usage_limit(number: int) -> tuple[Parameter, ...]:
    kind, value, period = (f"usageLimit{what}{number}" for what in ("Type", "Value", "Period"))
    return (
        Parameter(kind, Kind.STRING, allowed=("Amount", "Count"), needs=(value,)),
        Parameter(value, Kind.NUMBER, needs=(kind,)),
        Parameter(period, Kind.PERIOD, needs=(kind, value)),
    )


def _pipeline(name: str, references: tuple[str, ...], *parameters: Parameter) -> Pipeline:
    named = tuple(Parameter(reference, Kind.REFERENCE, required=True, max_length=128) for reference in references)
    return Pipeline(name, (*COMMON, *named, *parameters, *VALIDITY, *SENDER), references)


PIPELINES: Final[Mapping[str, Pipeline]] = {
    pipeline.name: pipeline
    for pipeline in (
        _pipeline(
            "SetupPrepaid",
            ("callerReferenceSender", "callerReferenceFunding"),
            Parameter("fundingAmount", Kind.AMOUNT, required=True),
        ),
        _pipeline(
            "SetupPostpaid",
            ("callerReferenceSender", "callerReferenceSettlement"),
            Parameter("creditLimit", Kind.AMOUNT, required=True),
            Parameter("globalAmountLimit", Kind.AMOUNT, required=True),
            *_usage_limit(1),
            *_usage_limit(2),
        ),
    )
}


def known_parameters(pipeline: Pipeline, given: Mapping[str, str]) -> dict[str, str]:
    """What this pipeline understands of what was given, in its own spelling; blank values are left out."""
    known: dict[str, str] = {}
    for spelling, name in pipeline.names.items():  # the proper spelling comes last and wins
        if value := given.get(spelling, ""):
            known[name] = value
    return known


def ill_formed(pipeline: Pipeline, params: Mapping[str, str], now: datetime, leeway: timedelta) -> list[str]:
    """Names of the parameters that are missing or not as they should be, in the order of the table.

    `leeway`: how far in the past a validityStart may lie; whoever made the link read the clock a moment ago.
    """
    bad = {parameter.name for parameter in pipeline.parameters if not _well_formed(parameter, params)}
    bad |= _bad_dates(params, bad, now, leeway)
    bad |= _bad_limits(params, bad)
    for position, reference in enumerate(pipeline.references):
        earlier = {params.get(name) for name in pipeline.references[:position]}
        if params.get(reference) in earlier - {None}:  # one reference names one token
            bad.add(reference)
    return [parameter.name for parameter in pipeline.parameters if parameter.name in bad]


def _well_formed(parameter: Parameter, params: Mapping[str, str]) -> bool:
    value = params.get(parameter.name)
    if value is None:
        return not parameter.required
    if len(value) > parameter.max_length and parameter.kind is not Kind.URL:
        return False
    if parameter.allowed and value not in parameter.allowed:
        return False
    return all(name in params for name in parameter.needs) and CHECKS[parameter.kind](value)


def _bad_dates(params: Mapping[str, str], bad: set[str], now: datetime, leeway: timedelta) -> set[str]:
    start = _date(params, "validityStart", bad)
    expiry = _date(params, "validityExpiry", bad)
    found = set()
    if start is not None and not now - leeway <= start <= now + MAX_START_AHEAD:
        found.add("validityStart")
    if expiry is not None and expiry <= max(now, start or now):
        found.add("validityExpiry")
    return found


def _date(params: Mapping[str, str], name: str, bad: set[str]) -> datetime | None:
    return None if name in bad or name not in params else moment(params[name])


def _bad_limits(params: Mapping[str, str], bad: set[str]) -> set[str]:
    return {
        value
        for kind, value in (("usageLimitType1", "usageLimitValue1"), ("usageLimitType2", "usageLimitValue2"))
        if params.get(kind) == "Count" and value in params and value not in bad and count(params[value]) is None
    }


def moment(text: str) -> datetime:
    """Whole seconds since 1970 as a moment."""
    return datetime.fromtimestamp(int(text), UTC)


def count(text: str) -> int | None:
    """A number of uses, ``5`` or ``5.00``; None when it is no whole number."""
    whole, rest = divmod(parse_amount(text), MICROS_PER_UNIT)
    return None if rest else whole


def truth(text: str | None) -> bool:
    """A boolean of the protocol; absent is False."""
    return text in {"True", "true"}


def payment_methods(text: str | None) -> tuple[Method, ...]:
    """The methods that the seller allows, in the seller's order; all three when nothing is said."""
    if text is None:
        return (Method.ABT, Method.CC, Method.ACH)
    return tuple(dict.fromkeys(Method(item.strip()) for item in text.split(",")))


def _is_string(text: str) -> bool:
    return _CONTROL.search(text) is None


def _is_html(text: str) -> bool:
    return _CONTROL_BUT_LINES.search(text) is None


def is_return_url(text: str) -> bool:
    """Whether browsers can be sent there with an answer: http or https, a host, no password, no fragment."""
    if _URL.fullmatch(text) is None or "#" in text:
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
        own = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True, errors="strict")}
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and "@" not in parts.netloc
        and port != 0
        and _HOST.fullmatch(parts.netloc if port is None else parts.netloc.rpartition(":")[0]) is not None
        and not own & ANSWER_NAMES
    )


def _is_amount(text: str) -> bool:
    try:
        return parse_amount(text) >= MICROS_PER_MINOR_UNIT
    except ValueError:
        return False


def _is_number(text: str) -> bool:
    try:
        return parse_amount(text) > 0
    except ValueError:
        return False


def _is_epoch(text: str) -> bool:
    return _EPOCH.fullmatch(text) is not None


def _is_period(text: str) -> bool:
    try:
        Period.parse(text)
    except ValueError:
        return False
    return True


def _is_reference(text: str) -> bool:
    return _is_string(text) and len(text.encode()) <= 128  # noqa: PLR2004 - bytes, as documented


def _is_methods(text: str) -> bool:
    try:
        return bool(payment_methods(text))
    except ValueError:
        return False


CHECKS: Final[Mapping[Kind, Callable[[str], bool]]] = {
    Kind.STRING: _is_string,
    Kind.URL: is_return_url,
    Kind.BOOLEAN: lambda text: text in {"True", "False", "true", "false"},
    Kind.AMOUNT: _is_amount,
    Kind.NUMBER: _is_number,
    Kind.EPOCH: _is_epoch,
    Kind.PERIOD: _is_period,
    Kind.REFERENCE: _is_reference,
    Kind.METHODS: _is_methods,
    Kind.HTML: _is_html,
}
