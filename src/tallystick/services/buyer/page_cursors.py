"""Page cursors of a history, as links carry them: with the running figure there, so that no page adds it up again.

Signed, because a link could come from anybody, and people trust the figures on their own pages.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, Final

from tallystick.store.queries.authorization_history import HistoryCursor

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.store.queries.authorizations import Authorization

_SEPARATOR: Final = "."
_SIGNATURE_BYTES: Final = 16
_RUNNING: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)


def write(service: Service, authorization: Authorization, cursor: HistoryCursor) -> str:
    """The cursor as a link to the history of `authorization` carries it."""
    return _SEPARATOR.join((cursor.place, str(cursor.running_micros), _signature(service, authorization, cursor)))


def read(service: Service, authorization: Authorization, text: str | None) -> HistoryCursor | None:
    """What `write` made; None for anything else, also for a cursor of another history."""
    place, _, rest = (text or "").partition(_SEPARATOR)
    running, _, signature = rest.partition(_SEPARATOR)
    if _RUNNING.fullmatch(running) is None:
        return None
    cursor = HistoryCursor(place, int(running))
    expected = _signature(service, authorization, cursor)
    return cursor if hmac.compare_digest(signature.encode(), expected.encode()) else None


def _signature(service: Service, authorization: Authorization, cursor: HistoryCursor) -> str:
    text = "\0".join((authorization.authorization_id, cursor.place, str(cursor.running_micros)))
    return service.vault.digest(text, "mark in a history").hex()[: 2 * _SIGNATURE_BYTES]
