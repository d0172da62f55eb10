"""Keys of the seller's programs."""

from __future__ import annotations

from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.web.v1 import account
from tallystick.web.v1.endpoint import Endpoint

ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/v1/keys/{id}",
        "keys.get",
        "One key of this environment, without its secrets.",
        "none",
        KeyScope.READ,
        account.get_key,
        "Key",
        subject="the key",
        codes=("key_not_found",),
    ),
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
    Endpoint(
        "DELETE",
        "/v1/keys/{id}",
        "keys.revoke",
        "Ends the key with which it is asked, at once and for ever. Others are for people to end.",
        "none",
        KeyScope(0),
        account.revoke_key,
        "Key",
        subject="the key",
        codes=("key_not_found",),
    ),
)
