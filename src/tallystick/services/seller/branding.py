"""What a seller may choose of how the hosted pages look: a name, a colour, where questions are answered."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from tallystick.services.form_errors import FormError
from tallystick.services.identity.sign_in import is_email, is_name
from tallystick.store.accounts.branding import Branding

MAX_LINK: Final = 300
_COLOUR: Final = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
_PLAIN: Final = re.compile(r"[\x21-\x7e]+")


def read_branding(name: str, accent: str, support: str) -> Branding:
    """What was typed; empty means not chosen. Raises FormError: all problems at once."""
    problems: dict[str, str] = {}
    name = " ".join(name.split())
    if name and not is_name(name):
        problems["name"] = "Use at most 100 ordinary characters."
    colour = _COLOUR.fullmatch(accent.strip())
    if accent.strip() and colour is None:
        problems["accent"] = "Type a colour as six digits, such as #17594a."
    link = _support_link(support.strip())
    if support.strip() and link is None:
        problems["support"] = "Type an https address, or an e-mail address."
    if problems:
        raise FormError(problems)
    return Branding(name or None, None if colour is None else f"#{_six(colour[1])}", link)


def _six(digits: str) -> str:
    """The long form of a colour: three digits are short for each of them twice."""
    return (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)).lower()  # noqa: PLR2004


def _support_link(text: str) -> str | None:
    """An https or mailto address; None for anything else."""
    if not _PLAIN.fullmatch(text) or len(text) > MAX_LINK:
        return None
    if is_email(text.removeprefix("mailto:")):
        return f"mailto:{text.removeprefix('mailto:')}"
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme == "https" and parts.hostname and "." in parts.hostname else None
