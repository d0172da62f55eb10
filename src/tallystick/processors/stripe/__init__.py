"""The rail over Stripe, by Stripe's own library, which is an extra: `rail.py` is the only way in."""
