"""Pure functions that every payment goes through, compiled where a C compiler was at hand at installation.

Each has its twin in Python, which says what is right and serves where nothing was compiled. Of `compiled` the twins
are beside their rules, in signing.py, ids.py, money.py and random_pool.py; of `plain_requests` it is the general way
in which the API reads a request; `plain_payments` and `plain_heads` name their own; of `sent_rows` it is the database's
driver. Why these: decisions/015, 196, 208, 220.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Final


def _compiled(name: str) -> ModuleType | None:
    try:
        return import_module(f"tallystick.domain.{name}")
    except ImportError:
        return None


compiled: Final = _compiled("_speedups")
"""The module, from `_speedups.pyx`; None: nothing was compiled."""

plain_requests: Final = _compiled("_plain_requests")
"""The same, from `_plain_requests.pyx`."""

plain_payments: Final = _compiled("_plain_payments")
"""The same, from `_plain_payments.pyx`."""

sent_rows: Final = _compiled("_sent_rows")
"""The same, from `_sent_rows.pyx`."""

plain_heads: Final = _compiled("_plain_heads")
"""The same, from `_plain_heads.pyx`."""
