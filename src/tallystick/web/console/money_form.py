"""Fields that the console's forms about money have in common: reference, amount, description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tallystick.domain.money import parse_amount
from tallystick.services.seller import manual_operations

_MAX_DESCRIPTION: Final = 160


def read_reference(params: Mapping[str, str]) -> str:
    """The reference that every step of a form carries; one that no form of ours generated is replaced by a new one."""
    given = params.get("reference", "")
    return given if manual_operations.is_reference(given) else manual_operations.new_reference()


def read_amount(text: str, name: str, problems: dict[str, str], example: str = "2.50") -> int | None:
    """An amount in micro-units; None for what is none: `problems` says under the field's name what to do about it."""
    try:
        return parse_amount(text)
    except ValueError:
        problems[name] = f"Enter an amount such as {example}."
        return None


def read_refund_amount(text: str, problems: dict[str, str]) -> int | None:
    """As `read_amount`, of the field `amount`; nothing at all cannot be given back."""
    amount = read_amount(text, "amount", problems)
    if amount == 0:
        problems["amount"] = "Enter an amount greater than zero."
    return amount


def read_description(typed: Mapping[str, str], problems: dict[str, str]) -> str | None:
    """What the field `description` says; None: nothing."""
    description = typed.get("description", "")
    if len(description) > _MAX_DESCRIPTION or not description.isprintable():
        problems["description"] = f"Use at most {_MAX_DESCRIPTION} characters, all of which can be seen."
    return description or None
