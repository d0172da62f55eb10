"""The two environments that a seller has: one to try things in, and one where money is real."""

from __future__ import annotations

from typing import Final

SANDBOX: Final = "sandbox"
LIVE: Final = "live"
ENVIRONMENTS: Final = (SANDBOX, LIVE)
