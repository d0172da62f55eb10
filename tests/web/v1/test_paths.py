from __future__ import annotations

import pytest

from tallystick.web.v1.paths import OTHER_WORDS, meant
from tallystick.web.v1.table import ENDPOINTS

PATHS = {endpoint.path for endpoint in ENDPOINTS}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v1/payments", "/v1/charges"),
        ("/v1/payments/", "/v1/charges"),
        ("/v1/Payments/01KB", "/v1/charges/{id}"),
        ("/v1/payments/01KB/refunds", "/v1/charges/{id}/refund"),
        ("/v1/charge", "/v1/charges"),
        ("/v1/charges/", "/v1/charges"),
        ("/v1/charges/01KB/refnd", "/v1/charges/{id}/refund"),
        ("/v1/charges/01KB/refund/again", "/v1/charges/{id}/refund"),
        ("/v1/topups", "/v1/top_ups"),
        ("/v1/tokens/P1/cancel", "/v1/authorizations/{id}/cancel"),
        ("/v1/balance", "/v1/account"),
        ("/v1/accounts/me", "/v1/account"),
        ("/v1/sandbox", "/v1/sandbox/clock"),
        ("/v1/", ""),
        ("/v1/weather", ""),
        ("/v1/{id}", ""),
        ("/v1/" + "charges" * 5_000, ""),
    ],
)
def test_what_may_be_meant_by_a_path(path: str, told: str) -> None:
    assert meant(path, PATHS) == told


def test_other_words_lead_to_paths_that_there_are_and_are_none_themselves() -> None:
    nouns = {path.split("/")[2] for path in PATHS}
    assert set(OTHER_WORDS.values()) <= nouns
    assert not nouns & OTHER_WORDS.keys()
