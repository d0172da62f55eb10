from __future__ import annotations

import pytest

from tallystick.domain.names.spelling import closest, did_you_mean

NAMES = ("CallerReference", "SenderTokenId", "TransactionAmount.Value")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("callerReference", "CallerReference"),
        ("CallerRefrence", "CallerReference"),
        ("SenderToken", "SenderTokenId"),
        ("TransactionAmount", "TransactionAmount.Value"),
        ("PaymentMethod", None),
        ("", None),
        ("CallerReference" * 1_000, None),
    ],
)
def test_the_closest_name_is_found_or_none(given: str, meant: str | None) -> None:
    assert closest(given, NAMES) == meant
    assert did_you_mean(given, NAMES) == ("" if meant is None else f" Did you mean {meant}?")


def test_without_names_there_is_nothing_to_mean() -> None:
    assert closest("CallerReference", ()) is None
