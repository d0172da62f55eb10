"""A transaction as /v1 shows it, however it was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tallystick.services.events import objects
from tallystick.services.reports.transactions import TransactionLine, TransactionRecord

if TYPE_CHECKING:
    from tallystick.services.seller.manual_operations import BookContext


def transaction_object(books: BookContext, found: TransactionRecord | TransactionLine) -> Mapping[str, Any]:
    """A transaction, however it was read. What another seller called for has nothing of that seller's own in it."""
    if isinstance(found, TransactionRecord):
        own = found.seller.party_id == books.seller_id
        return objects.transaction_object(books.environment, found, found.token_id, own=own)
    return objects.transaction_object(books.environment, found, found.sender_token_id, own=found.own)
