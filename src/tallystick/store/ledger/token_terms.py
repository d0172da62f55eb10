"""Terms of a token to and from the jsonb column that keeps them."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tallystick.domain.commands import AmountRule, TokenTerms

NO_TERMS: Final = TokenTerms()


def terms_to_json(terms: TokenTerms) -> str:
    """JSON text for the column; what was not agreed to is left out."""
    values = {
        "amount_rule": None if terms.amount_rule is None else terms.amount_rule.value,
        "amount_micros": terms.amount_micros,
        "recipient_tokens": terms.recipient_tokens or None,
        "for_reserve": terms.for_reserve or None,
        "recipient_pays_fee": terms.recipient_pays_fee,
        "most_fixed_fee_micros": terms.max_fixed_fee_micros,
        "most_variable_fee_ppm": terms.max_variable_fee_ppm,
    }
    return msgspec.json.encode({name: value for name, value in values.items() if value is not None}).decode()


def terms_from_json(values: dict[str, Any]) -> TokenTerms:
    """The terms that the column holds."""
    if not values:
        return TokenTerms()
    rule = values.get("amount_rule")
    return TokenTerms(
        amount_rule=None if rule is None else AmountRule(rule),
        amount_micros=values.get("amount_micros"),
        recipient_tokens=tuple(values.get("recipient_tokens", ())),
        for_reserve=values.get("for_reserve", False),
        recipient_pays_fee=values.get("recipient_pays_fee"),
        max_fixed_fee_micros=values.get("most_fixed_fee_micros"),
        max_variable_fee_ppm=values.get("most_variable_fee_ppm"),
    )


def terms_from_text(text: str) -> TokenTerms:
    """The terms that the column holds, read as text: most tokens have none."""
    return NO_TERMS if text == "{}" else terms_from_json(msgspec.json.decode(text))
