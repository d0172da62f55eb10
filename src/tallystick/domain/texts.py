"""Characters of texts that strangers write and others read."""

from __future__ import annotations

import re
from typing import Final

DIRECTION: Final = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Unicode's Bidi_Control: unseen, and what follows them may be read as something else."""
