"""Every problem that the document tells of an endpoint is provoked there, or told of in causes/elsewhere.py."""

from __future__ import annotations

import pytest
from tests.stories.v1.causes.anywhere import ANYWHERE
from tests.stories.v1.causes.elsewhere import BY_THE_SAME_RULES, ELSEWHERE
from tests.stories.v1.causes.good_requests import Cause, good
from tests.stories.v1.causes.of_money import OF_MONEY
from tests.stories.v1.causes.of_others import OTHERS
from tests.stories.v1.conftest import Program, as_problem

from tallystick.web.v1.documents.openapi import documented_codes
from tallystick.web.v1.endpoint import Endpoint
from tallystick.web.v1.table import ENDPOINTS


def causes_of(endpoint: Endpoint) -> dict[str, Cause]:
    """A cause for each documented problem of an endpoint that has one here."""
    own = OF_MONEY if endpoint.moves_money else OTHERS
    known = own | ANYWHERE
    left = {code for name, code in ELSEWHERE if name == endpoint.name} | BY_THE_SAME_RULES
    return {code: known[code] for code in documented_codes(endpoint) if code not in left}


def test_every_documented_problem_has_a_cause_or_a_reason() -> None:
    for endpoint in ENDPOINTS:
        causes_of(endpoint)  # KeyError: a code that has neither
    documented = {(endpoint.name, code) for endpoint in ENDPOINTS for code in documented_codes(endpoint)}
    assert ELSEWHERE.keys() <= documented


PAIRS = [(endpoint, code) for endpoint in ENDPOINTS for code in causes_of(endpoint)]


@pytest.mark.parametrize(("endpoint", "code"), PAIRS, ids=[f"{endpoint.name}-{code}" for endpoint, code in PAIRS])
async def test_a_documented_problem_can_be_provoked(program: Program, endpoint: Endpoint, code: str) -> None:
    answer = await causes_of(endpoint)[code](await good(program, endpoint))
    assert as_problem(answer)["code"] == code, answer.text
