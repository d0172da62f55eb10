"""Request fields as data, and reading the parameters of a request by them.

The wire form: ``Name=value``; members of a complex type with a dot, ``FundingAmount.Value``; repeated fields
``Role.1``, ``Role.2``, … or plain ``Role``. Names are case-sensitive. An empty value counts as not given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from tallystick.actions.types import COMPLEX_TYPES, ENUMERATIONS
from tallystick.domain.addresses import why_unusable
from tallystick.domain.moments import parse_moment
from tallystick.domain.money import USD, parse_amount
from tallystick.domain.refusals import Refusal, Refused

V2007: Final = "2007-01-08"
V2008: Final = "2008-09-17"
V2010: Final = "2010-08-28"
VERSIONS: Final = (V2008, V2010)
"""The versions with a schema of ours; later dates count as the last one."""

SERVED: Final = (V2007, *VERSIONS)
"""The versions that are answered; the oldest one by what its clients are known to send and read."""

LEGACY_AMOUNT: Final = "LegacyAmount"
LEGACY_DESCRIPTOR_POLICY: Final = "LegacyDescriptorPolicy"
_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: tuple(member.name for member in members) for name, members in COMPLEX_TYPES.items()},
    LEGACY_AMOUNT: ("CurrencyCode", "Amount"),
    LEGACY_DESCRIPTOR_POLICY: ("SoftDescriptorType", "CSNumberOf"),
}

COMMON_PARAMETERS: Final = frozenset(
    {"Action", "AWSAccessKeyId", "Signature", "SignatureVersion", "SignatureMethod", "Timestamp", "Version"}
)

_MOST_REMEMBERED: Final = 64  # forms of requests for each table, and names in each
_QUOTED_LENGTH: Final = 130  # of a value in a message: ids are quoted whole
_INTEGER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_INDEX: Final = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")  # XML cannot hold most of these


@unique
class Need(Enum):
    """Whether a field has to be there."""

    REQUIRED = "required"
    CONDITIONAL = "conditional"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request: everything that is known about it before the books are opened.

    `type` names a scalar, an enumeration or a complex type. `max_length` counts characters, `least` and `most` bound
    integers, `choices` are the allowed values of a text that has no enumeration. A `last_version` older than the
    versions served: the field is tolerated although the schemas of those versions lack it. `means`: the field of today
    that an older version has under another name. `signed_to`: a URL to which we send signed messages.
    """

    name: str
    type: str
    need: Need
    meaning: str
    condition: str = ""
    max_length: int | None = None
    least: int | None = None
    most: int | None = None
    default: str | None = None
    repeated: bool = False
    zero_allowed: bool = False
    choices: tuple[str, ...] = ()
    first_version: str = V2007
    last_version: str = V2010
    means: str = ""
    signed_to: bool = False

    @property
    def allowed(self) -> tuple[str, ...]:
        """The allowed values; empty when any value of the type is allowed."""
        return self.choices or ENUMERATIONS.get(self.type, ())

    def in_version(self, version: str) -> bool:
        """Whether requests of `version` may carry this field."""
        return self.first_version <= version

    def wire_names(self) -> tuple[str, ...]:
        """The parameters that carry this field; repeated ones without their index."""
        if self.type in _MEMBERS:
            return tuple(f"{self.name}.{member}" for member in _MEMBERS[self.type])
        return (self.name,)


@dataclass(frozen=True, slots=True)
class DescriptorPolicy:
    """How a charge is described on the sender's statement; both members have defaults."""

    soft_descriptor_type: str = "Static"
    cs_owner: str = "Recipient"


_NO_POLICY: Final = DescriptorPolicy()

Parsed = str | int | datetime | tuple[str, ...] | DescriptorPolicy
Reader = Callable[[Field, tuple[str, ...], Mapping[str, str]], Parsed | None]


class Values(Struct, frozen=True):
    """The checked values of a request. Amounts are micro-units; asking for a field under the wrong type is a bug."""

    parsed: Mapping[str, Parsed]
    given: Mapping[str, str]

    def text(self, name: str) -> str:
        """A required text."""
        value = self.parsed[name]
        if not isinstance(value, str):
            raise TypeError(f"{name} is not a text")
        return value

    def optional_text(self, name: str) -> str | None:
        """A text, or None when it was not given."""
        value = self.parsed.get(name)
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} is not a text")
        return value

    def integer(self, name: str) -> int:
        """A required integer, or an amount in micro-units."""
        value = self.parsed[name]
        if not isinstance(value, int):
            raise TypeError(f"{name} is not a number")
        return value

    def optional_integer(self, name: str) -> int | None:
        """An integer or an amount in micro-units, or None when it was not given."""
        value = self.parsed.get(name)
        if value is not None and not isinstance(value, int):
            raise TypeError(f"{name} is not a number")
        return value

    def optional_moment(self, name: str) -> datetime | None:
        """A moment, or None when it was not given."""
        value = self.parsed.get(name)
        if value is not None and not isinstance(value, datetime):
            raise TypeError(f"{name} is not a moment")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """The values of a repeated field; empty when it was not given."""
        value = self.parsed.get(name, ())
        if not isinstance(value, tuple):
            raise TypeError(f"{name} is not a list")
        return value

    def descriptor_policy(self) -> DescriptorPolicy:
        """The descriptor policy, with its defaults where nothing was given."""
        value = self.parsed.get("DescriptorPolicy", _NO_POLICY)
        if not isinstance(value, DescriptorPolicy):
            raise TypeError("DescriptorPolicy is not a descriptor policy")
        return value


class Reading(Struct, frozen=True):
    """How a field is read: into which value, out of which parameters. `read` is None for one plain parameter."""

    key: str
    field: Field
    names: tuple[str, ...]
    read: Reader | None
    required: bool


class Form(Struct, frozen=True):
    """What requests with the same names of parameters have in common.

    `unknown` are the names that the schema lacks, `business` those that say what is asked for, in one order, `readings`
    the fields that are given or looked for in any case, in schema order.
    """

    unknown: frozenset[str]
    business: tuple[str, ...]
    readings: tuple[Reading, ...]

    def check_names(self, params: Mapping[str, str], namespace: str) -> None:
        """Refuse parameters that the schema of the version does not have. Raises Refused: InvalidRequest.

        The offending element is quoted as ``<namespace>:<name>``, as recorded. Source: spec of the transport.
        """
        if self.unknown:
            first = next(name for name in params if name in self.unknown)
            raise Refused(
                Refusal.InvalidRequest,
                "The request does not conform to the interface defined in the WSDL. Unexpected element: "
                f'"{namespace}:{quoted(first)}".',
            )

    def business_parameters(self, params: Mapping[str, str]) -> list[tuple[str, str]]:
        """The parameters that say what is asked for, in one order, without the empty ones."""
        return [(name, value) for name in self.business if (value := params[name])]

    def read(self, params: Mapping[str, str]) -> Values:
        """Check every value, in schema order. Raises Refused: InvalidParams."""
        parsed: dict[str, Parsed] = {}
        for reading in self.readings:
            value: Parsed | None = None
            if reading.read is not None:
                value = reading.read(reading.field, reading.names, params)
            elif given := params.get(reading.names[0]):
                value = _scalar(reading.field, reading.names[0], given)
            if value is not None:
                parsed[reading.key] = value
            elif reading.required:
                raise missing(reading.field.name)
        return Values(parsed, params)


class FieldTable:
    """The fields of one action in one version, ready for reading requests."""

    def __init__(self, fields: tuple[Field, ...], version: str) -> None:
        self.fields = tuple(field for field in fields if field.means or field.in_version(version))
        self._plain = frozenset(name for field in self.fields for name in field.wire_names())
        self._repeated = {field.name for field in self.fields if field.repeated}
        self._readings = tuple(
            Reading(field.means or field.name, field, field.wire_names(), _reader(field), field.need is Need.REQUIRED)
            for field in self.fields
        )
        self._forms: dict[frozenset[str], Form] = {}

    def form(self, params: Mapping[str, str]) -> Form:
        """The form of a request, remembered: a program sends the same names over and over."""
        names = frozenset(params)
        form = self._forms.get(names)
        if form is None:
            form = self._form(names)
            if not form.unknown and len(names) <= _MOST_REMEMBERED:  # else strangers could fill the memory
                if len(self._forms) >= _MOST_REMEMBERED:
                    self._forms.clear()
                self._forms[names] = form
        return form

    def _form(self, names: frozenset[str]) -> Form:
        business = {name for name in names if name in self._plain or self._is_repetition(name)}
        readings = [
            reading
            for reading in self._readings
            if reading.required or reading.field.repeated or not business.isdisjoint(reading.names)
        ]
        return Form(names - business - COMMON_PARAMETERS, tuple(sorted(business)), tuple(readings))

    def _is_repetition(self, name: str) -> bool:
        base, dot, index = name.partition(".")
        return bool(dot) and base in self._repeated and _INDEX.fullmatch(index) is not None


def quoted(value: str) -> str:
    """A value as messages quote it: printable, and not without end."""
    clean = _UNPRINTABLE.sub("\ufffd", value)
    return clean if len(clean) <= _QUOTED_LENGTH else clean[:_QUOTED_LENGTH] + "…"


def camel(name: str) -> str:
    """A parameter's name as messages quote it: with a small first letter."""
    return name[:1].lower() + name[1:]


def missing(name: str) -> Refused:
    """The refusal of a request that lacks a business parameter."""
    return Refused(Refusal.InvalidParams, f"The parameter {name} is missing.")


def invalid(name: str, what: str, value: str) -> Refused:
    """The refusal of a value: ``"transactionId" must be a valid transaction ID: …``. The shape is as recorded."""
    return Refused(Refusal.InvalidParams, f'"{camel(name)}" must be {what}: {quoted(value)}')


def _reader(field_: Field) -> Reader | None:
    """What reads the field out of the parameters that carry it; None for one plain value."""
    return _repeated if field_.repeated else _COMPLEX.get(field_.type)


def _repeated(field_: Field, _names: tuple[str, ...], params: Mapping[str, str]) -> tuple[str, ...] | None:
    values = dict.fromkeys(_values_of(field_, params))
    return tuple(values) if values else None


def _values_of(field_: Field, params: Mapping[str, str]) -> Iterator[str]:
    for name, value in params.items():
        if value and name.partition(".")[0] == field_.name:
            yield str(_scalar(field_, name, value))


def _scalar(field_: Field, name: str, value: str) -> str | int | datetime:
    if not value.isprintable() and _UNPRINTABLE.search(value):
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
    if number is None or (field_.least or 0) > number or (field_.most is not None and number > field_.most):
        wanted = (
            "a whole number" if field_.most is None else f"a whole number from {field_.least or 0} to {field_.most}"
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
