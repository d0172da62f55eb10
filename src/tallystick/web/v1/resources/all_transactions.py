"""Transactions of every kind."""

from __future__ import annotations

from typing import Final

from tallystick.web.v1.resources.rows import reads

ENDPOINTS: Final = (*reads("transactions", "transaction", "transaction"),)
