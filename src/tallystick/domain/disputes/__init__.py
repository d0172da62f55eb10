"""Disputes of charges: their values, and what they move."""
