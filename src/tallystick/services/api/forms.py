"""Reading the parameters of a request by the fields of its action.

The wire form: ``Name=value``; members of a complex type with a dot, ``FundingAmount.Value``; repeated fields
``Role.1``, ``Role.2``, … or plain ``Role``. Names are case-sensitive. An empty value counts as not given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from msgspec import Struct

from tallystick.domain.money import display_amount, parse_amount
from tallystick.domain.names.spelling import did_you_mean
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.fields import COMMON_PARAMETERS, LEGACY_AMOUNT, Field, Need, missing, quoted
from tallystick.services.api.readers import Reader, read_scalar, reader_of
from tallystick.services.api.values import Parsed, Values

AMOUNTS: Final = frozenset({"Amount", LEGACY_AMOUNT})
"""Types of fields with a currency and an amount."""

_MAX_CACHED: Final = 64  # forms of requests for each table, and names in each
_INDEX: Final = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)


class Reading(Struct, frozen=True):
    """How a field is read: into which value, out of which parameters. `read` is None for one plain parameter."""

    key: str
    field: Field
    names: tuple[str, ...]
    read: Reader | None
    required: bool


class RequestForm(Struct, frozen=True):
    """What requests with the same names of parameters have in common.

    `unknown` are the names that the schema lacks, `without_member` what more to say of those that are complex fields
    given as one plain value, `possible` the names that they may be meant for, `business` those that say what is asked
    for, in one order, `amounts` those of them with an amount, `readings` the fields that are given or looked for in any
    case, in schema order.
    """

    unknown: frozenset[str]
    without_member: Mapping[str, str]
    possible: tuple[str, ...]
    business: tuple[str, ...]
    amounts: frozenset[str]
    readings: tuple[Reading, ...]

    def check_names(self, params: Mapping[str, str], namespace: str) -> None:
        """Refuse parameters that the schema of the version does not have. Raises Refused: InvalidRequest.

        The offending element is quoted as ``<namespace>:<name>``, as recorded. Source: docs/protocol/transport.md.
        """
        if self.unknown:
            first = next(name for name in params if name in self.unknown)
            hint = self.without_member.get(first) or did_you_mean(first, self.possible)
            raise Refused(
                Refusal.InvalidRequest,
                "The request does not conform to the interface defined in the WSDL. Unexpected element: "
                f'"{namespace}:{quoted(first)}".{hint}',
            )

    def business_parameters(self, params: Mapping[str, str]) -> list[tuple[str, str]]:
        """The parameters that say what is asked for, in one order, without the empty ones.

        Amounts are as people write them: ``1``, ``1.0`` and ``1.000000`` ask for the same. They were read before.
        """
        return [
            (name, _by_value(value) if name in self.amounts else value)
            for name in self.business
            if (value := params[name])
        ]

    def read(self, params: Mapping[str, str]) -> Values:
        """Check every value, in schema order. Raises Refused: InvalidParams."""
        parsed: dict[str, Parsed] = {}
        for reading in self.readings:
            value: Parsed | None = None
            if reading.read is not None:
                value = reading.read(reading.field, reading.names, params)
            elif given := params.get(reading.names[0]):
                value = read_scalar(reading.field, reading.names[0], given)
            if value is not None:
                parsed[reading.key] = value
            elif reading.required:
                raise missing(reading.field.name)
        return Values(parsed, params)


@lru_cache(maxsize=1024)  # prices repeat
def _by_value(text: str) -> str:
    """An amount as it is written shortest: equal for those that are equal. Raises ValueError: it is none."""
    return display_amount(parse_amount(text))


class FieldTable:
    """The fields of one action in one version, ready for reading requests."""

    def __init__(self, fields: tuple[Field, ...], version: str) -> None:
        self.fields = tuple(field for field in fields if field.means or field.in_version(version))
        self._plain = frozenset(name for field in self.fields for name in field.wire_names())
        self._amounts = frozenset(field.wire_names()[-1] for field in self.fields if field.type in AMOUNTS)
        self._repeated = {field.name for field in self.fields if field.repeated}
        self._names = COMMON_PARAMETERS | self._plain | {f"{name}.1" for name in self._repeated}
        self._readings = tuple(
            Reading(field.means or field.name, field, field.wire_names(), reader_of(field), field.need is Need.REQUIRED)
            for field in self.fields
        )
        self._forms: dict[frozenset[str], RequestForm] = {}

    def form(self, params: Mapping[str, str]) -> RequestForm:
        """The form of a request, cached: a program sends the same names over and over."""
        names = frozenset(params)
        form = self._forms.get(names)
        if form is None:
            form = self._form(names)
            if not form.unknown and len(names) <= _MAX_CACHED:  # else strangers could fill the memory
                if len(self._forms) >= _MAX_CACHED:
                    self._forms.clear()
                self._forms[names] = form
        return form

    def _form(self, names: frozenset[str]) -> RequestForm:
        business = {name for name in names if name in self._plain or self._is_repetition(name)}
        readings = [
            reading
            for reading in self._readings
            if reading.required or reading.field.repeated or not business.isdisjoint(reading.names)
        ]
        unknown = names - business - COMMON_PARAMETERS
        without_member = {field.name: _members_of(field) for field in self.fields if field.name in unknown}
        possible = tuple(sorted(self._names - names)) if unknown else ()
        return RequestForm(
            unknown,
            without_member,
            possible,
            tuple(sorted(business)),
            self._amounts & business,
            tuple(readings),
        )

    def _is_repetition(self, name: str) -> bool:
        base, dot, index = name.partition(".")
        return bool(dot) and base in self._repeated and _INDEX.fullmatch(index) is not None


def _members_of(field: Field) -> str:
    """What to say where a complex field came as one plain value, such as ``RefundAmount=0.40``."""
    names = field.wire_names()
    is_amount = field.type in AMOUNTS
    lacking = f" {names[-1]} is missing:" if is_amount else ""
    return f"{lacking} {field.name} is given by its members, {' and '.join(names)}."
