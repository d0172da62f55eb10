"""The statements of the money path."""

from __future__ import annotations

from typing import Final

from tallystick.db.statements import load_statements

MONEY: Final = load_statements("money.sql", __package__)
"""Every statement names one book."""

SENT_ROWS: Final = (
    "payment_values",
    "remembered_change",
    "remembered_token",
    "remembered_tab",
    "remembered_key",
    "balance_change",
    "event_values",
    "queued_event_values",
)
"""Row types of which groups of payments send arrays."""
