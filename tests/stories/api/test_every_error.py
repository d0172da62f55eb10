"""Every code of the published lists can be provoked, by itself and with the status, shape and message that it has."""

from __future__ import annotations

import json
import re

import pytest
from tests.stories.api.causes import CAUSES
from tests.support.paths import ROOT
from tests.support.shop import UUID, Shop

from tallystick.domain.refusals import Refusal
from tallystick.web.api.error_reference import error_reference
from tallystick.web.api.errors_of_actions import ANY, ERRORS_OF
from tallystick.web.api.legacy_xml import RETRIABLE
from tallystick.web.v1.documents.problem_reference import problem_reference

ERRORS: dict[str, dict[str, object]] = json.loads((ROOT / "tests" / "data" / "errors.json").read_text("utf-8"))
STATUSES = {
    "AuthFailure": 401,
    "InternalError": 500,
    "InvalidClientTokenId": 403,
    "InvalidSignature": 403,
    "SignatureDoesNotMatch": 403,
}
FORM_A = re.compile(
    r'<\?xml version="1\.0"\?>\n<Response><Errors><Error><Code>(\w+)</Code><Message>([^<>\n]+)</Message></Error>'
    rf"</Errors><RequestID>{UUID.pattern}</RequestID></Response>"
)


def test_every_published_code_has_a_cause() -> None:
    assert len(ERRORS) == 63
    of_2007 = {"SenderNotOriginalRecipient"}  # no later version names who a refund is taken from: see test_2007
    assert CAUSES.keys() | of_2007 == ERRORS.keys()
    for code, facts in ERRORS.items():
        if "retry" in facts:
            assert (Refusal[code] in RETRIABLE) == facts["retry"], code


def test_the_committed_reference_is_current() -> None:
    written = (ROOT / "docs" / "errors.md").read_text("utf-8")
    assert written == error_reference() + problem_reference(), (
        "python -m tallystick.web.v1.documents.problem_reference > docs/errors.md"
    )


@pytest.mark.parametrize("code", sorted(CAUSES))
async def test_an_error_can_be_provoked(shop: Shop, code: str) -> None:
    answer = await CAUSES[code](shop)

    assert answer.code == code, answer.text
    assert Refusal[code] in (*ANY, *ERRORS_OF[shop.called[-1]]), "the reference of the action does not have it"
    assert answer.status == STATUSES.get(code, 400) == Refusal[code].http_status
    form = FORM_A.fullmatch(answer.text)
    assert form is not None
    assert form[2] != f"Refused: {Refusal[code].meaning}.", "the message says no more than the code"
