"""Values of pipeline parameters: how each kind of text is read, and whether it is well formed.

Source: docs/protocol/cobranded.md, 2, "Value formats". Texts are as decoded from the request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum, unique
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from tallystick.domain.commands import Method
from tallystick.domain.messages.addresses import why_unusable
from tallystick.domain.messages.signed_messages import NOTIFICATION_NAMES
from tallystick.domain.money import MICROS_PER_MINOR_UNIT, MICROS_PER_UNIT, USD, parse_amount
from tallystick.domain.periods import Period

ANSWER_NAMES: Final = frozenset(
    {"status", "errorMessage", "signature", "signatureVersion", "signatureMethod", "certificateUrl"}
)
"""Names that the answer on the return URL always needs for itself."""

_TAKEN_NAMES: Final = frozenset(name.lower() for name in ANSWER_NAMES | NOTIFICATION_NAMES)

MAX_REFERENCE_BYTES: Final = 128
MAX_RECIPIENTS: Final = 20  # ours: the list of recipients is shown to the buyer

_MICROS_PER_PPM: Final = 100  # a percentage has six decimals like an amount; a millionth is a ten-thousandth of it
_WHOLE_PPM: Final = 1_000_000

_URL: Final = re.compile(r"[!#-;=?-\[\]_a-z~]{1,2048}", re.ASCII)  # printable, without blanks, quotes, <, >, \, ^, `
_EPOCH: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_TOKEN: Final = re.compile(r"[A-Z0-9]{64,65}", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_BUT_LINES: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@unique
class ValueKind(Enum):
    """How the text of a parameter is read; the value is what the documentation calls it."""

    STRING = "text"
    URL = "URL"
    BOOLEAN = "`True` or `False`"
    FLAG = "`1` or `0`"
    AMOUNT = "amount"
    CENTS = "amount in whole cents"  # what one payment in real money comes to
    LINE = "amount, zero allowed"
    DOLLARS = "`USD` and an amount"
    PERCENT = "percentage"
    NUMBER = "amount or count"  # its neighbour says which
    EPOCH = "seconds since 1970"
    PERIOD = "period"
    REFERENCE = "reference"
    METHODS = "payment methods"
    TOKEN = "token id"  # noqa: S105 - a name
    TOKENS = "token ids"
    HTML = "text with a few tags"


def moment(text: str) -> datetime:
    """Whole seconds since 1970 as a moment."""
    return datetime.fromtimestamp(int(text), UTC)


def count(text: str) -> int | None:
    """A number of uses, ``5`` or ``5.00``; None when it is no whole number."""
    whole, rest = divmod(parse_amount(text), MICROS_PER_UNIT)
    return None if rest else whole


def boolean(text: str | None) -> bool:
    """A boolean of the protocol, or a flag; absent is False."""
    return text is not None and text.lower() in {"true", "1"}


def payment_methods(text: str | None) -> tuple[Method, ...]:
    """The methods that the seller allows, in the seller's order; all three when nothing is said."""
    if text is None:
        return (Method.ABT, Method.CC, Method.ACH)
    return tuple(dict.fromkeys(Method(item.strip()) for item in text.split(",")))


def percent_ppm(text: str) -> int:
    """A percentage such as ``2.5`` in parts per million. Raises ValueError: above 100, or more than four decimals."""
    parts, rest = divmod(parse_amount(text), _MICROS_PER_PPM)
    if rest or parts > _WHOLE_PPM:
        raise ValueError(f"not a percentage: {text[:40]!r}")
    return parts


def dollars_micros(text: str) -> int:
    """``USD 10.00`` in micro-units. Raises ValueError."""
    currency, blank, amount = text.partition(" ")
    if currency != USD or not blank:
        raise ValueError(f"not an amount in dollars: {text[:40]!r}")
    return parse_amount(amount)


def token_ids(text: str) -> tuple[str, ...]:
    """A comma-separated list, each id once, in the order given."""
    return tuple(dict.fromkeys(item.strip() for item in text.split(",")))


def is_return_url(text: str) -> bool:
    """Whether browsers can be sent there with an answer that can be checked.

    As for every signed message; besides, no fragment, and none of the names by which answers and notifications tell
    something among its own parameters.
    """
    if _URL.fullmatch(text) is None or "#" in text or why_unusable(text) is not None:
        return False
    return not any(_is_taken(name) for name, _ in parse_qsl(urlsplit(text).query, keep_blank_values=True))


def _is_taken(name: str) -> bool:
    """Whether some receiver would read the name as one of ours: many ignore case, PHP also blanks and brackets."""
    return name.strip().partition("[")[0].partition("\0")[0].lower() in _TAKEN_NAMES


def _is_string(text: str) -> bool:
    return _CONTROL.search(text) is None


def _is_html(text: str) -> bool:
    return _CONTROL_BUT_LINES.search(text) is None


def _reads(read: Callable[[str], object]) -> Callable[[str], bool]:
    """Whether `read` takes the text and makes something of it."""

    def check(text: str) -> bool:
        try:
            return bool(read(text))
        except ValueError:
            return False

    return check


def _is_amount(text: str) -> bool:
    return parse_amount(text) >= MICROS_PER_MINOR_UNIT


def _is_cents(text: str) -> bool:
    return _is_amount(text) and parse_amount(text) % MICROS_PER_MINOR_UNIT == 0


def _is_dollars(text: str) -> bool:
    micros = dollars_micros(text)
    return micros >= MICROS_PER_MINOR_UNIT and micros % MICROS_PER_MINOR_UNIT == 0


def _is_reference(text: str) -> bool:
    return _is_string(text) and len(text.encode()) <= MAX_REFERENCE_BYTES


def _is_tokens(text: str) -> bool:
    found = token_ids(text)
    return len(found) <= MAX_RECIPIENTS and all(_TOKEN.fullmatch(one) for one in found)


CHECKS: Final[Mapping[ValueKind, Callable[[str], bool]]] = {
    ValueKind.STRING: _is_string,
    ValueKind.URL: is_return_url,
    ValueKind.BOOLEAN: lambda text: text in {"True", "False", "true", "false"},
    ValueKind.FLAG: lambda text: text.lower() in {"1", "0", "true", "false"},
    ValueKind.AMOUNT: _reads(_is_amount),
    ValueKind.CENTS: _reads(_is_cents),
    ValueKind.LINE: _reads(lambda text: parse_amount(text) >= 0),
    ValueKind.DOLLARS: _reads(_is_dollars),
    ValueKind.PERCENT: _reads(lambda text: percent_ppm(text) >= 0),
    ValueKind.NUMBER: _reads(lambda text: parse_amount(text) > 0),
    ValueKind.EPOCH: lambda text: _EPOCH.fullmatch(text) is not None,
    ValueKind.PERIOD: _reads(Period.parse),
    ValueKind.REFERENCE: _is_reference,
    ValueKind.METHODS: _reads(payment_methods),
    ValueKind.TOKEN: lambda text: _TOKEN.fullmatch(text) is not None,
    ValueKind.TOKENS: _is_tokens,
    ValueKind.HTML: _is_html,
}
