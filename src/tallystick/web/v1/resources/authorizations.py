"""Authorizations: asked for, looked at, cancelled."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.web.v1 import consents
from tallystick.web.v1.consent import listing, terms
from tallystick.web.v1.endpoint import Endpoint
from tallystick.web.v1.inputs import (
    NOTIFY,
)
from tallystick.web.v1.resources.rows import codes_of

ENDPOINTS: Final = (
    Endpoint(
        "POST",
        "/v1/authorizations",
        "authorizations.create",
        "Asks for a prepaid balance, a tab or payments: a buyer agrees to it at the `url` of the answer.",
        "none",
        KeyScope.HOSTED_LINKS,
        consents.create,
        "Authorization",
        terms.INPUTS,
        codes=("idempotency_key_required", "idempotency_conflict"),
        takes_key=True,
        status=HTTPStatus.CREATED,
    ),
    Endpoint(
        "GET",
        "/v1/authorizations/{id}",
        "authorizations.get",
        "One authorization: its status, and what is left or owed.",
        "none",
        KeyScope.READ,
        consents.get,
        "Authorization",
        subject="the authorization",
        codes=("authorization_not_found",),
        has_tag=True,
    ),
    Endpoint(
        "GET",
        "/v1/authorizations",
        "authorizations.list",
        "Every balance and tab that a buyer has agreed to, the newest first, page by page.",
        "none",
        KeyScope.READ,
        listing.list_,
        "Authorization",
        listing.FILTERS,
        reads_much=True,
        is_list=True,
    ),
    Endpoint(
        "POST",
        "/v1/authorizations/{id}/cancel",
        "authorizations.cancel",
        "Ends charges and top-ups for good. What is owed on a tab can still be settled.",
        "CancelToken",
        KeyScope.TOKENS,
        consents.cancel,
        "Authorization",
        (NOTIFY,),
        subject="the authorization",
        codes=("authorization_not_found", *codes_of("CancelToken")),
    ),
)
