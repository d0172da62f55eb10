"""What a seller may choose of how the hosted pages look: a name, a colour, where questions are answered.

Every change and its row in the audit log are one commit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tallystick.services.form_errors import FormError
from tallystick.services.identity.sign_in import is_email, is_name
from tallystick.services.operations import audit
from tallystick.store.accounts import branding
from tallystick.store.accounts.branding import Branding

if TYPE_CHECKING:
    from tallystick.domain.ids import PartyId
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = ["MAX_LINK", "Branding", "find", "read_branding", "save", "typed"]

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


def typed(chosen: Branding) -> dict[str, str]:
    """What is to be typed for it to be read again; empty where nothing was chosen."""
    return {
        "name": chosen.display_name or "",
        "accent": chosen.accent or "",
        "support": (chosen.support_link or "").removeprefix("mailto:"),
    }


async def find(service: Service, seller_id: PartyId) -> Branding:
    """What this seller chose; nothing where it never chose."""
    return await branding.find(service.pool, seller_id)


async def save(
    service: Service, actor: Actor, seller_id: PartyId, chosen: Branding, *, environment: str | None = None
) -> None:
    """Keep what a seller chose; the same again is not written down. Both environments show it.

    `environment`: of the page on which it was done, for the audit log.
    """
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        if chosen == await branding.find(connection, seller_id):
            return
        await branding.save(connection, seller_id, chosen, now)
        await audit.record(
            connection,
            actor,
            "branding.change",
            business_id=seller_id,
            environment=environment,
            details={name: value or "none" for name, value in typed(chosen).items()},
            at=now,
        )


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
