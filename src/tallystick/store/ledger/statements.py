"""The statements of the money path."""

from __future__ import annotations

from typing import Final

from tallystick.db.statements import load_statements

MONEY: Final = load_statements("money.sql", __package__)
"""Every statement names one book."""
