"""Where staff of sellers and operators sign in, both on the same page, and where that may lead on to."""

import re
from typing import Final

CONSOLE: Final = "/console"
SIGN_IN: Final = "/console/sign-in"
_OURS: Final = re.compile(r"/(?:console|admin)(?:/[A-Za-z0-9._-]+)*(?:\?[A-Za-z0-9._~%&=+-]*)?")
"""Where signing in may lead on to. Never somebody else's address."""


def own_path(path: str) -> str:
    """The path, if it is one of the console or of the operator's pages; else the first of the console."""
    return path if _OURS.fullmatch(path) else CONSOLE
