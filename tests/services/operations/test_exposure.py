"""What a start over the internet is warned of."""

from __future__ import annotations

import pytest

from tallystick.services.operations.configuration import exposure_warnings
from tallystick.settings import Settings

RIGHT = Settings(
    public_url="https://pay.example.com", reverse_proxies=1, smtp_url="smtp://mail.example", mail_from="a@example.com"
)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (RIGHT, []),
        (Settings(), []),
        (Settings(public_url="http://localhost:8400"), []),
        (Settings(public_url="http://pay.example.com"), ["no https"]),
        (
            Settings(public_url="https://pay.example.com"),
            ["TALLYSTICK_REVERSE_PROXIES is not set", "TALLYSTICK_SMTP_URL is not set"],
        ),
    ],
)
def test_what_is_missing_is_named(settings: Settings, named: list[str]) -> None:
    found = exposure_warnings(settings)

    assert len(found) == len(named)
    for text, name in zip(found, named, strict=True):
        assert name in text
