"""The seller's own account."""

from __future__ import annotations

from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.web.v1 import account
from tallystick.web.v1.endpoint import Endpoint

ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/v1/account",
        "account.get",
        "What the service holds for the seller, what the seller owes in goods, what buyers owe the seller.",
        "GetAccountBalance",
        KeyScope.READ,
        account.get_account,
        "Account",
    ),
)
