"""Passwords that everybody tries first: those that leaked most often, and what people make of them.

The list comes with a package, so that nothing about a password leaves this machine.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

_AROUND: Final = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_DISGUISES: Final = str.maketrans("@4831!05$7", "aabeiiosst")


@cache
def load() -> frozenset[str]:
    """The list, in lower case. Takes a fifth of a second the first time."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - for who serves pages only: see above

    return frozenset(FREQUENCY_LISTS["passwords"])


def is_common(password: str) -> bool:
    """Whether it is one of the list: as it is, repeated, with digits or signs around it, or with letters disguised."""
    folded = password.casefold()
    bare = _AROUND.sub("", folded)
    tried = {folded, bare, folded.translate(_DISGUISES), bare.translate(_DISGUISES)}
    return any(one in load() or _repeated(one) in load() for one in tried)


def _repeated(text: str) -> str:
    """What the text is a repetition of; the text itself where it is none."""
    length = (text + text).find(text, 1)
    return text[:length]
