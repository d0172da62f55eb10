"""Payouts in the console: what left, asking for more, the bank account, the calendar."""
