"""What the reference of errors says of asking again, tried for every code."""

from __future__ import annotations

import pytest
from tests.stories.api.causes import CAUSES
from tests.stories.api.causes.again import ELSEWHERE, MENDS, cause_of
from tests.support.paths import ROOT
from tests.support.shop import Shop

from tallystick.domain.refusals import Refusal, Retry
from tallystick.services.api.registry import ACTIONS
from tallystick.web.api.error_reference import ONCE

ANOTHER_REQUEST = "DuplicateRequest"
"""Under a new reference it is another request, which may well charge twice: the reference warns of it."""

GOES_AWAY = frozenset({"Timestamp", "Signature", "AWSAccessKeyId"})
"""What a program signs anew each time."""


def test_every_code_that_can_help_says_what_has_to_happen_and_is_tried() -> None:
    can_help = {refusal.name for refusal in Refusal if refusal.retry.can_help}
    assert can_help == {refusal.name for refusal in ONCE}
    assert can_help == MENDS.keys() | ELSEWHERE.keys()
    for code, place in ELSEWHERE.items():
        path, _, name = place.partition("::")
        text = (ROOT / path).read_text("utf-8")
        assert code in text
        assert f"def {name}" in text


@pytest.mark.parametrize("code", sorted(MENDS))
async def test_asking_again_helps_as_the_reference_says(shop: Shop, code: str) -> None:
    refused = await cause_of(code)(shop)
    assert refused.code == code, refused.text
    asker, action, params = shop.sent[-1]
    params = {name: value for name, value in params.items() if name not in GOES_AWAY}

    asker = await MENDS[code](shop, params) or asker

    again = await asker.call(action, params)
    if Refusal[code].retry is Retry.SAME_REQUEST:
        assert again.code is None, again.text
        return
    assert again.code == code, "the refusal was not kept under the reference"
    anew = await asker.call(action, params | {"CallerReference": asker.reference()})
    assert anew.code is None, anew.text


@pytest.mark.parametrize("code", sorted(code for code in CAUSES if not Refusal[code].retry.can_help))
async def test_where_it_does_not_help_the_same_is_refused_again(shop: Shop, code: str) -> None:
    refused = await CAUSES[code](shop)
    assert refused.code == code, refused.text
    asker, action, params = shop.sent[-1]

    again = await asker.call(action, params)
    assert again.code == code, again.text
    if code != ANOTHER_REQUEST and ACTIONS[action].moves_money and "CallerReference" in params:
        anew = await asker.call(action, params | {"CallerReference": asker.reference()})
        assert anew.code == code, anew.text
