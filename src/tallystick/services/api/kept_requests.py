"""Keeping requests that came to a transaction, for the developers of their seller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.ids import TransactionId

if TYPE_CHECKING:
    from tallystick.services.context import Service


def keeps_request(service: Service, transaction_id: str) -> bool:
    """Whether settings say so, and there is room just now for one that came to this transaction."""
    return bool(service.settings.keep_requests_days) and service.requests.has_room(TransactionId(transaction_id))


def keep_request(
    service: Service, transaction_id: str, request_id: str, *, verb: str, host: str, path: str, content: bytes
) -> None:
    """Keep a request as it is. `content`: the body, or the query string where there is none."""
    service.requests.note(
        TransactionId(transaction_id), request_id, service.clock(), verb=verb, host=host, path=path, content=content
    )
