"""Texts that people read: characters of those that strangers write, nouns beside numbers in those of ours."""

from __future__ import annotations

import re
from typing import Final

DIRECTION: Final = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Unicode's Bidi_Control: unseen, and what follows them may be read as something else."""


def noun(number: float, one: str, several: str = "") -> str:
    """The English word beside a number: ``problem`` or ``problems``. `several`: where it is not `one` with an s."""
    return one if number == 1 else several or f"{one}s"


def counted(number: int, one: str, several: str = "") -> str:
    """``1 problem``, ``2 problems``: as noun(), with the number before it."""
    return f"{number} {noun(number, one, several)}"
