"""The rails over Stripe that the settings turn on: one for each environment that has a key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from tallystick.processors.stripe.gateway import StripeKeys
from tallystick.processors.stripe.rail import StripeRail
from tallystick.settings import Settings, SettingsError, variable_name


def stripe_rails(settings: Settings, clock: Callable[[], datetime]) -> list[StripeRail]:
    """The rails, of which none has asked Stripe anything yet. Raises SettingsError: two are for the same books."""
    given = [
        StripeKeys(secret_key, webhook_secret, settings.stripe_api_base)
        for secret_key, webhook_secret in (
            (settings.stripe_secret_key, settings.stripe_webhook_secret),
            (settings.stripe_test_secret_key, settings.stripe_test_webhook_secret),
        )
        if secret_key is not None
    ]
    if len({keys.live for keys in given}) < len(given):
        both = variable_name("stripe_secret_key"), variable_name("stripe_test_secret_key")
        raise SettingsError(f"{' and '.join(both)} are both of test mode; give one")
    bank_debit = None if settings.stripe_bank_debit == "none" else settings.stripe_bank_debit
    return [StripeRail(keys, clock, bank_debit) for keys in given]
