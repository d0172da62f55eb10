"""Statements of balances and tabs."""

from __future__ import annotations

from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.web.v1.consent import statements
from tallystick.web.v1.endpoint import Endpoint

ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/v1/statements/{id}",
        "statements.get",
        "A month of a balance or a tab, as its buyer reads it: with what it began and ended, and what moved.",
        "none",
        KeyScope.READ,
        statements.get,
        "Statement",
        (statements.EXPAND,),
        subject="the statement",
        codes=("statement_not_found",),
        reads_much=True,
    ),
    Endpoint(
        "GET",
        "/v1/statements",
        "statements.list",
        "The statements that there are, without their figures: the latest months first, page by page.",
        "none",
        KeyScope.READ,
        statements.list_,
        "StatementMonth",
        statements.FILTERS,
        reads_much=True,
        is_list=True,
    ),
)
