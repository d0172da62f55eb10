"""Tallystick: prepaid balances and postpaid tabs with books that balance to the micro-unit."""

__version__ = "0.1.0"
