"""Payouts to sellers: their way, where they go, when they are made by themselves, files for the bank."""
