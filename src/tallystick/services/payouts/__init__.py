"""Payouts to sellers: bank accounts, payouts by hand and by calendar, sending them."""
