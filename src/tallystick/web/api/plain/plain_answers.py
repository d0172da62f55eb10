"""Answers to plain calls, byte for byte as `render_success` writes them, in one go.

Ids, statuses and amounts are of our own making, and need no escaping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.domain.money import USD, format_amount
from tallystick.domain.outcomes import TransactionStatus
from tallystick.web.api.xml import DECLARATION, namespace

if TYPE_CHECKING:
    from tallystick.domain.outcomes import Accepted
    from tallystick.services.actions.instruments import InstrumentBalance

_SUCCESS: Final = TransactionStatus.SUCCESS
_SUCCEEDED: Final = _SUCCESS.value


def written_payment(version: str, outcome: Accepted, request_id: str) -> bytes:
    """As `render_success` writes it, in one go."""
    status = _SUCCEEDED if outcome.status is _SUCCESS else outcome.status.value
    return (
        f'{DECLARATION}<PayResponse xmlns="{namespace(version)}"><PayResult><TransactionId>{outcome.transaction_id}'
        f"</TransactionId><TransactionStatus>{status}</TransactionStatus></PayResult><ResponseMetadata>"
        f"<RequestId>{request_id}:0</RequestId></ResponseMetadata></PayResponse>"
    ).encode("ascii")


def written_balance(version: str, found: InstrumentBalance, request_id: str) -> bytes:
    """As `render_success` writes what `instrument_balance` finds, in one go."""
    available, pending = format_amount(found.balance_micros), format_amount(found.pending_micros)
    return (
        f'{DECLARATION}<GetPrepaidBalanceResponse xmlns="{namespace(version)}"><GetPrepaidBalanceResult>'
        f"<PrepaidBalance><AvailableBalance><CurrencyCode>{USD}</CurrencyCode><Value>{available}</Value></AvailableBalance>"
        f"<PendingInBalance><CurrencyCode>{USD}</CurrencyCode><Value>{pending}</Value></PendingInBalance>"
        "</PrepaidBalance></GetPrepaidBalanceResult><ResponseMetadata>"
        f"<RequestId>{request_id}:0</RequestId></ResponseMetadata></GetPrepaidBalanceResponse>"
    ).encode("ascii")
