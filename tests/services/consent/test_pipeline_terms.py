"""The terms of pipelines as values, and what may stand in forms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tallystick.services.consent.terms import read_terms
from tallystick.services.identity.sign_in import is_email, password_problem
from tallystick.words import day, dollars

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PREPAID = {"callerReferenceSender": "s", "callerReferenceFunding": "f", "fundingAmount": "25"}


@pytest.mark.parametrize(
    ("pipeline", "own", "days"),
    [
        ("SingleUse", {"transactionAmount": "1"}, timedelta(hours=3)),
        ("MultiUse", {"globalAmountLimit": "1"}, timedelta(days=365)),
        ("Recurring", {"transactionAmount": "1", "recurringPeriod": "1 Day"}, None),
    ],
)
def test_when_tokens_end(pipeline: str, own: dict[str, str], days: timedelta | None) -> None:
    terms = read_terms(pipeline, {"callerReference": "c"} | own)
    assert terms.ends_at(NOW) == (None if days is None else NOW + days)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("<b>bold</b> &amp; plain", "<b>bold</b> &amp; plain"),
        ("one<br>two", "one<br>two"),
        ("<ul><li>a</li></ul>", "<ul><li>a</li></ul>"),
        ("<b onclick='x()' style='color:red'>a</b>", "<b>a</b>"),
        ("<a href='https://evil.example'>a</a>", "a"),
        ("<script>alert(1)</script>a", "a"),
        ("<b>never closed", "<b>never closed</b>"),
        ("1 < 2", "1 &lt; 2"),
        ("</div></header>", ""),
    ],
)
def test_a_reason_keeps_a_few_tags_only(reason: str, shown: str) -> None:
    assert read_terms("SetupPrepaid", PREPAID | {"paymentReason": reason}).reason_html == shown


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "0.00 USD"), (50_000, "0.05 USD"), (125, "0.000125 USD"), (1_234_567_890_000, "1,234,567.89 USD")],
)
def test_amounts_as_people_read_them(micros: int, text: str) -> None:
    assert dollars(micros) == text


def test_days_tell_the_time_only_when_it_matters() -> None:
    assert day(datetime(2027, 3, 1, tzinfo=UTC)) == "1 March 2027"
    assert day(datetime(2027, 3, 1, 23, 5, tzinfo=UTC)) == "1 March 2027, 23:05 UTC"


@pytest.mark.parametrize(
    ("password", "fine"),
    [
        ("correct horse", True),
        ("Xy7!Xy8!Xy9!", True),
        ("elevenchars", False),
        ("a" * 129, False),
        ("abababababab", False),
        ("abcdefghijklmnop", False),
        ("ann@buyer.example", False),
        ("ann buyer ann buyer", False),
    ],
)
def test_passwords(password: str, fine: bool) -> None:
    assert (password_problem(password, "ann@buyer.example", "Ann Buyer") is None) is fine


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("ann@buyer.example", True),
        ("ann+shop@mail.buyer.example", True),
        ("ann@localhost", False),
        ("ann@@buyer.example", False),
        ("ann@buyer.example, eve@evil.example", False),
        ("ann@buyer.example\r\nBcc: eve@evil.example", False),
        ("<ann@buyer.example>", False),
    ],
)
def test_email_addresses(text: str, fine: bool) -> None:
    assert is_email(text) is fine
