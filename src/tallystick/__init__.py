"""Tallystick: prepaid balances and postpaid tabs with books that balance to the micro-unit."""

__version__ = "0.2.0"
