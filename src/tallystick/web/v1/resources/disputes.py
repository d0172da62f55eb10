"""Disputes of charges."""

from __future__ import annotations

from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.web.v1 import disputes
from tallystick.web.v1.endpoint import Endpoint
from tallystick.web.v1.inputs import (
    CURSOR,
    LIMIT,
)

ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/v1/disputes/{id}",
        "disputes.get",
        "One dispute.",
        "none",
        KeyScope.READ,
        disputes.get,
        "Dispute",
        subject="the dispute",
        codes=("transaction_not_found",),
    ),
    Endpoint(
        "GET",
        "/v1/disputes",
        "disputes.list",
        "Every dispute of a charge, the newest first, page by page.",
        "none",
        KeyScope.READ,
        disputes.list_,
        "Dispute",
        (disputes.STATUS, LIMIT, CURSOR),
        reads_much=True,
        is_list=True,
    ),
    Endpoint(
        "GET",
        "/v1/disputes/{id}/evidence",
        "disputes.evidence",
        "What to answer the bank with: what was agreed to, from where, and each charge since, as a PDF.",
        "none",
        KeyScope.READ,
        disputes.evidence,
        "Dispute",
        subject="the dispute",
        codes=("transaction_not_found",),
        reads_much=True,
        media_type="application/pdf",
    ),
)
