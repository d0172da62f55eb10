"""Keys of the seller's programs."""

from __future__ import annotations

from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.web.v1 import account
from tallystick.web.v1.endpoint import Endpoint

ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/v1/keys",
        "keys.list",
        "The keys of this environment, the newest first, without their secrets.",
        "none",
        KeyScope.READ,
        account.list_keys,
        "Key",
        is_list=True,
    ),
)
