"""Forms made from the tables of actions and pipelines: one input for each parameter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tallystick.domain.money import USD
from tallystick.services.api.fields import LEGACY_AMOUNT, V2010, Field, Need
from tallystick.services.api.types import COMPLEX_TYPES, ENUMERATIONS
from tallystick.services.consent.parameters import Parameter
from tallystick.services.consent.values import ValueKind
from tallystick.web.api.pipeline_reference import meaning as meaning_of_parameter
from tallystick.web.api.reference import meaning as meaning_of_field

CURRENCY: Final = "CurrencyCode"
_LONG: Final = frozenset({"PaymentInstruction", "HttpParameters"})
_BOOLEANS: Final = {ValueKind.BOOLEAN: ("True", "False"), ValueKind.FLAG: ("1", "0")}


@dataclass(frozen=True, slots=True)
class Input:
    """One input. `choices`: the only values; `maximum`: characters, 0 for any number; `lines`: more than one line."""

    name: str
    hint: str
    required: bool
    choices: tuple[str, ...] = ()
    maximum: int = 0
    lines: bool = False

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The choices as a menu takes them: value and text are the same."""
        return [(choice, choice) for choice in self.choices]


def inputs_of(fields: Iterable[Field]) -> list[Input]:
    """The inputs for the fields of an action. Amounts are always dollars: their currency is not asked for."""
    return [one for field in fields if field.last_version == V2010 for one in _inputs_of_field(field)]


def _inputs_of_field(field: Field) -> list[Input]:
    hint, required = meaning_of_field(field), field.need is Need.REQUIRED
    if field.type in {"Amount", LEGACY_AMOUNT}:
        return [Input(f"{field.name}.Value", f"{hint} In {USD}.", required)]
    if field.type in COMPLEX_TYPES:
        return [
            Input(f"{field.name}.{member.name}", hint, required, ENUMERATIONS.get(member.type, ()))
            for member in COMPLEX_TYPES[field.type]
        ]
    maximum = field.max_length or 0
    return [Input(field.name, hint, required, field.allowed, maximum, lines=field.name in _LONG)]


def sent(inputs: Iterable[Input], typed: Mapping[str, str]) -> dict[str, str]:
    """The parameters that the filled form stands for, in its order; empty fields are left out."""
    params: dict[str, str] = {}
    for one in inputs:
        if value := typed.get(one.name):
            params[one.name] = value.replace("\r\n", "\n")
            if one.name.endswith(".Value"):
                params[f"{one.name.removesuffix('Value')}{CURRENCY}"] = USD
    return params


def input_of(parameter: Parameter) -> Input:
    """The input for a parameter of a pipeline."""
    return Input(
        parameter.name,
        meaning_of_parameter(parameter).replace("`", ""),
        parameter.required,
        parameter.allowed or _BOOLEANS.get(parameter.kind, ()),
        0 if parameter.kind is ValueKind.URL else parameter.max_length,
        lines=parameter.kind is ValueKind.HTML,
    )
