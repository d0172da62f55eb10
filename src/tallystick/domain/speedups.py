"""Pure functions that every payment goes through, compiled where a C compiler was at hand at installation.

Each has its twin in Python beside its rules, in signing.py and ids.py, which serves where nothing was compiled. Why
these: decisions/015.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Final


def _compiled() -> ModuleType | None:
    try:
        return import_module("tallystick.domain._speedups")
    except ImportError:
        return None


compiled: Final = _compiled()
"""The module, from `_speedups.pyx`; None: nothing was compiled."""
