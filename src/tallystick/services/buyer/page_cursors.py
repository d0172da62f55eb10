"""Places in a history as links carry them: with the running figure there, so that no page has to add it up anew.

Signed, because a link could come from anybody, and people trust the figures on their own pages.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from tallystick.store.queries.authorization_history import Mark

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.store.queries.authorizations import Authorization

_SEPARATOR: Final = "."
_SIGNATURE_BYTES: Final = 16


def write(service: Service, authorization: Authorization, mark: Mark) -> str:
    """The mark as a link to the history of `authorization` carries it."""
    return _SEPARATOR.join((mark.place, str(mark.running_micros), _signature(service, authorization, mark)))


def read(service: Service, authorization: Authorization, text: str | None) -> Mark | None:
    """What `write` made; None for anything else, also for a mark in another history."""
    place, _, rest = (text or "").partition(_SEPARATOR)
    running, _, signature = rest.partition(_SEPARATOR)
    if not running.removeprefix("-").isdecimal() or not running.isascii():
        return None
    mark = Mark(place, int(running))
    return mark if hmac.compare_digest(signature.encode(), _signature(service, authorization, mark).encode()) else None


def _signature(service: Service, authorization: Authorization, mark: Mark) -> str:
    text = "\0".join((authorization.authorization_id, mark.place, str(mark.running_micros)))
    return service.vault.digest(text, "mark in a history").hex()[: 2 * _SIGNATURE_BYTES]
