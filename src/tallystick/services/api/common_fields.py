"""Fields that several actions share."""

from __future__ import annotations

from typing import Final

from tallystick.services.api.fields import V2008, V2010, Field, Need
from tallystick.services.api.types import Element

REQUIRED, CONDITIONAL, OPTIONAL = Need.REQUIRED, Need.CONDITIONAL, Need.OPTIONAL


SENDER_TOKEN: Final = Field(
    "SenderTokenId", "string", REQUIRED, "The token that the sender is charged through.", max_length=64
)
PREPAID_INSTRUMENT: Final = Field("PrepaidInstrumentId", "string", REQUIRED, "The prepaid instrument.", max_length=128)
CREDIT_INSTRUMENT: Final = Field("CreditInstrumentId", "string", REQUIRED, "The credit instrument.", max_length=128)
TRANSACTION: Final = Field("TransactionId", "string", REQUIRED, "The transaction.", max_length=35)
REFERENCE: Final = Field(
    "CallerReference",
    "string",
    REQUIRED,
    "The caller's own name for this request; the same request under the same name is carried out once.",
    max_length=128,
)
SENDER_DESCRIPTION: Final = Field(
    "SenderDescription",
    "string",
    OPTIONAL,
    "What the sender reads.",
    condition="needed when DescriptorPolicy.SoftDescriptorType is Dynamic",
    max_length=160,
)
CALLER_DESCRIPTION: Final = Field(
    "CallerDescription", "string", OPTIONAL, "A note for the caller itself.", max_length=160
)
DESCRIPTOR_POLICY: Final = Field(
    "DescriptorPolicy",
    "DescriptorPolicy",
    OPTIONAL,
    "How a card charge is described on the sender's statement.",
    default="SoftDescriptorType=Static, CSOwner=Recipient",
    first_version=V2008,
)
TIMEOUT: Final = Field(
    "TransactionTimeoutInMins",
    "integer",
    OPTIONAL,
    "How long the transaction may wait, unfinished, until the payment network is asked; then it fails as Expired.",
    minimum=1,
    first_version=V2008,
)
NOTIFICATION_URL: Final = Field(
    "OverrideIPNURL",
    "string(url)",
    OPTIONAL,
    "Where the notification about this request goes, instead of the address in the account's settings.",
    max_length=2048,
    first_version=V2010,
    signed_to=True,
)
MONEY_RESULT: Final = (Element("TransactionId", "string"), Element("TransactionStatus", "TransactionStatus"))
SUBSCRIPTION: Final = Field(
    "SubscriptionId", "string", REQUIRED, "The subscription: the id of its recurring token.", max_length=64
)
RECIPIENT_TOKEN: Final = Field(
    "RecipientTokenId",
    "string",
    OPTIONAL,
    "The recipient, where it is not the caller. Payments with an instrument have none: the caller is the recipient.",
    condition="required when the caller is not the recipient (marketplace)",
    max_length=65,
)
CHARGE_FEE_TO: Final = Field(
    "ChargeFeeTo",
    "ChargeFeeTo",
    OPTIONAL,
    "Who pays the fee. Payments with an instrument cost none.",
    default="Recipient",
)
MARKETPLACE_FIXED_FEE: Final = Field(
    "MarketplaceFixedFee",
    "Amount",
    OPTIONAL,
    "The caller's share of a marketplace payment, as far as the recipient token allows it.",
    condition="marketplace use only",
    zero_allowed=True,
)
MARKETPLACE_VARIABLE_FEE: Final = Field(
    "MarketplaceVariableFee",
    "decimal",
    OPTIONAL,
    "The caller's share of a marketplace payment in percent, with at most four decimals.",
    condition="marketplace use only",
    zero_allowed=True,
)


def amount(name: str, meaning: str, need: Need = REQUIRED, default: str | None = None) -> Field:
    """A field that holds an amount of money."""
    return Field(name, "Amount", need, meaning, default=default)
