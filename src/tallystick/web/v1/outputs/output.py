"""A member of an object, and what several objects have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tallystick.domain.environments import ENVIRONMENTS

AMOUNT: Final = {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{6}$"}
MOMENT: Final = {"type": "string", "format": "date-time"}
TEXT: Final = {"type": "string"}
NUMBER: Final = {"type": "integer"}
YES_OR_NO: Final = {"type": "boolean"}
TEXTS: Final = {"type": "array", "items": TEXT}


@dataclass(frozen=True, slots=True)
class Output:
    """One member of an object. `schema`: of JSON Schema; `nullable`: it may be null, for what there is not.

    `expands`: the object that it can be asked for to have in the place of the id.
    """

    name: str
    schema: Mapping[str, Any]
    meaning: str
    example: Any
    nullable: bool = False
    expands: str = ""


def one_of(*words: str) -> Mapping[str, Any]:
    """The schema of one of some words."""
    return {"type": "string", "enum": list(words)}


AN_ID: Final = "01KB7WZ3TC00000000000108KJ2X1RKYQ0M"
AUTHORIZATION_ID: Final = "PC0000000000108KJ2X1RKYQ0M3B5T7V9W1X3Z5A7C9E1G3J5M7P9R1T3V5X7Z"
CURRENCY: Final = Output("currency", one_of("USD"), "Of all amounts.", "USD")
ENVIRONMENT: Final = Output("environment", one_of(*ENVIRONMENTS), "Where it happened.", "sandbox")


def inner(*members: Output) -> Mapping[str, Any]:
    """The schema of an object within another one."""
    return {
        "type": "object",
        "properties": {
            one.name: {**one.schema, "type": [one.schema["type"], "null"]} if one.nullable else one.schema
            for one in members
        },
        "required": [one.name for one in members],
    }
