"""Prepaid balances and tabs that a process remembers, and payments that are decided by what it remembers."""
