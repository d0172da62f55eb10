"""Reading the values of fields out of the parameters that carry them; every way raises Refused: InvalidParams."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from tallystick.domain.messages.addresses import why_unusable
from tallystick.domain.moments import parse_moment
from tallystick.domain.money import USD, parse_amount
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.fields import (
    LEGACY_AMOUNT,
    LEGACY_DESCRIPTOR_POLICY,
    UNPRINTABLE,
    Field,
    camel,
    invalid,
    missing,
    quoted,
)
from tallystick.services.api.types import COMPLEX_TYPES, ENUMERATIONS
from tallystick.services.api.values import DescriptorPolicy, Parsed

_INTEGER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)

Reader = Callable[[Field, tuple[str, ...], Mapping[str, str]], Parsed | None]


def reader_of(field_: Field) -> Reader | None:
    """What reads the field out of the parameters that carry it; None for one plain value."""
    return _repeated if field_.repeated else _COMPLEX.get(field_.type)


def _repeated(field_: Field, _names: tuple[str, ...], params: Mapping[str, str]) -> tuple[str, ...] | None:
    values = dict.fromkeys(_values_of(field_, params))
    return tuple(values) if values else None


def _values_of(field_: Field, params: Mapping[str, str]) -> Iterator[str]:
    for name, value in params.items():
        if value and name.partition(".")[0] == field_.name:
            yield str(read_scalar(field_, name, value))


def read_scalar(field_: Field, name: str, value: str) -> str | int | datetime:
    """One plain value, as its type and the field's own limits have it. Raises Refused: InvalidParams."""
    if not value.isprintable() and UNPRINTABLE.search(value):
        raise invalid(name, "text without control characters", value)
    read = None if field_.choices else _SCALARS.get(field_.type)
    if read is not None:
        return read(field_, name, value)
    if value not in field_.allowed:
        raise invalid(name, f"one of {', '.join(field_.allowed)}", value)
    return value


def _string(field_: Field, name: str, value: str) -> str:
    if field_.max_length is not None and len(value) > field_.max_length:
        raise invalid(name, f"at most {field_.max_length} characters long", value)
    return value


def _url(field_: Field, name: str, value: str) -> str:
    _string(field_, name, value)
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(character.isspace() for character in value):
        raise Refused(Refusal.InvalidParams, f'"{camel(name)}": {quoted(value)} is an invalid URL.')
    if field_.signed_to and (reason := why_unusable(value)):
        raise Refused(Refusal.InvalidParams, f'"{camel(name)}": {quoted(value)} is an invalid URL: {reason}.')
    return value


def _integer(field_: Field, name: str, value: str) -> int:
    number = int(value) if _INTEGER.fullmatch(value) else None
    if number is None or (field_.minimum or 0) > number or (field_.maximum is not None and number > field_.maximum):
        wanted = (
            "a whole number"
            if field_.maximum is None
            else f"a whole number from {field_.minimum or 0} to {field_.maximum}"
        )
        raise invalid(name, wanted, value)
    return number


def _moment(_: Field, name: str, value: str) -> datetime:
    try:
        return parse_moment(value)
    except ValueError:
        raise invalid(name, "a date and time in ISO8601 format, such as 2010-08-28T12:00:00Z", value) from None


def _amount_text(field_: Field, name: str, value: str) -> int:
    try:
        micros = parse_amount(value)
    except ValueError:
        micros = -1
    if micros < 0 or (micros == 0 and not field_.zero_allowed):
        raise invalid(name, "a positive amount with at most six decimals", value)
    return micros


def _amount(field_: Field, names: tuple[str, ...], params: Mapping[str, str]) -> int | None:
    currency_name, value_name = names
    currency, value = params.get(currency_name), params.get(value_name)
    if not currency and not value:
        return None
    if not value:
        raise missing(value_name)
    if not currency:
        raise missing(currency_name)
    if currency != USD:
        raise invalid(currency_name, USD, currency)
    return _amount_text(field_, value_name, value)


def _descriptor_policy(_: Field, names: tuple[str, ...], params: Mapping[str, str]) -> DescriptorPolicy | None:
    if params.keys().isdisjoint(names):
        return None
    given: dict[str, str] = {}
    for name, member in zip(names, COMPLEX_TYPES["DescriptorPolicy"], strict=True):
        if value := params.get(name):
            if value not in ENUMERATIONS[member.type]:
                raise invalid(name, f"one of {', '.join(ENUMERATIONS[member.type])}", value)
            given[member.name] = value
    if not given:
        return None
    return DescriptorPolicy(given.get("SoftDescriptorType", "Static"), given.get("CSOwner", "Recipient"))


_SCALARS: Final[Mapping[str, Callable[[Field, str, str], str | int | datetime]]] = {
    "string": _string,
    "string(url)": _url,
    "integer": _integer,
    "decimal": _amount_text,
    "dateTime": _moment,
}
_COMPLEX: Final[Mapping[str, Reader]] = {
    "Amount": _amount,
    LEGACY_AMOUNT: _amount,
    "DescriptorPolicy": _descriptor_policy,
    LEGACY_DESCRIPTOR_POLICY: _descriptor_policy,
}
