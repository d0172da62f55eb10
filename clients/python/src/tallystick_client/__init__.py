"""Tallystick from Python: prepaid balances and postpaid tabs, authorized once, charged many times."""

from tallystick_client.amounts import Moment, Money
from tallystick_client.client import AsyncTallystick, Tallystick
from tallystick_client.errors import (
    InvalidWebhookError,
    NoAnswerError,
    ProblemError,
    StillPendingError,
    TallystickError,
    TransactionFailedError,
    UnexpectedAnswerError,
)
from tallystick_client.exchange import VERSION, Retries
from tallystick_client.listing import AsyncListing, Listing
from tallystick_client.webhooks import Webhook, WebhookEvent

__version__ = VERSION

__all__ = [
    "AsyncListing",
    "AsyncTallystick",
    "InvalidWebhookError",
    "Listing",
    "Moment",
    "Money",
    "NoAnswerError",
    "ProblemError",
    "Retries",
    "StillPendingError",
    "Tallystick",
    "TallystickError",
    "TransactionFailedError",
    "UnexpectedAnswerError",
    "Webhook",
    "WebhookEvent",
]
