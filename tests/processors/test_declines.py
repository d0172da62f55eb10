"""Which declines are worth another try: as Stripe documents it for payments without the buyer."""

from __future__ import annotations

import pytest

from tallystick.processors.declines import DECLINES, declined

NOT_RETRIED = (
    "highest_risk_level",
    "incorrect_number",
    "lost_card",
    "pickup_card",
    "revocation_of_all_authorizations",
    "revocation_of_authorization",
    "stolen_card",
    "transaction_not_allowed",
)
"""Those that Stripe's own retries leave alone, but `authentication_required`: the buyer confirms, and the card pays."""


@pytest.mark.parametrize("code", NOT_RETRIED)
def test_what_stripe_does_not_retry_is_hard(code: str) -> None:
    assert declined(code).hard


@pytest.mark.parametrize(
    "code", ["authentication_required", "do_not_honor", "fraudulent", "generic_decline", "insufficient_funds"]
)
def test_what_a_bank_says_of_one_payment_is_soft(code: str) -> None:
    assert not declined(code).hard


@pytest.mark.parametrize("code", ["fraudulent", "highest_risk_level", "merchant_blacklist"])
def test_nobody_is_told_that_fraud_is_suspected(code: str) -> None:
    """Whoever tries cards that are not theirs would learn from it."""
    assert declined(code).reason == DECLINES["generic_decline"].reason


def test_an_unknown_code_says_no_more_than_that_it_was_declined() -> None:
    unknown = declined("a code of next year")
    assert (unknown.status_code, unknown.hard, unknown.code) == ("TransactionDenied", False, "a code of next year")
