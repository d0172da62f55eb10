"""A stored authorization is described by the sentences that were agreed to, as both are read into the same values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from tallystick.domain.commands import LimitTerms, TokenPurpose, TokenTerms, TokenType
from tallystick.domain.ids import BookId, InstrumentId, PartyId, TokenId
from tallystick.domain.limits import LimitKind, UsageLimit
from tallystick.domain.periods import Period
from tallystick.services.buyer.authorization_status import AuthorizationState
from tallystick.services.consent.participants import Names
from tallystick.services.consent.terms import RecipientTerms, SenderTerms, read_terms
from tallystick.store.queries.authorizations import Authorization, Holdings
from tallystick.web.common.agreements.agreed import agreed_before, agreed_in_visit
from tallystick.web.common.agreements.authorization_text import AuthorizationText
from tallystick.web.common.agreements.consent_text import allowances

NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NAMES: Final = Names("Music Shop", ("Ann's Records",))
LIMITS: Final = {"usageLimitType1": "Count", "usageLimitValue1": "3", "usageLimitPeriod1": "2 Weeks"}
STORED: Final = Authorization(
    authorization_id="authorization",
    book_id=BookId(1),
    environment="sandbox",
    clock_offset=timedelta(0),
    seller_id=PartyId(1),
    seller_name="Music Shop",
    giver_id=PartyId(2),
    purpose=TokenPurpose.SENDER,
    token_type=TokenType.UNRESTRICTED,
    token_id=TokenId("token"),
    instrument_id=None,
    money_token_id=None,
    payment_reason="<b>Songs</b><script>",
    instruction=None,
    terms=TokenTerms(),
    limits=(),
    source=None,
    holdings=None,
    used=False,
    spent_micros=0,
    pending_micros=0,
    valid_from=NOW,
    expires_at=None,
    cancelled_at=None,
    money_expires_at=None,
    money_cancelled_at=None,
    created_at=NOW,
    archived_before=None,
)


def stored(authorization: Authorization) -> AuthorizationState:
    return AuthorizationState(authorization, NAMES, NOW)


def used(limits: tuple[LimitTerms, ...]) -> tuple[UsageLimit, ...]:
    return tuple(UsageLimit(one.kind, one.limit, one.period, anchor=NOW, window_start=NOW, used=1) for one in limits)


@pytest.mark.parametrize(
    ("pipeline", "own"),
    [
        ("SingleUse", {"transactionAmount": "24.90"}),
        ("SingleUse", {"transactionAmount": "24.90", "reserve": "True"}),
        ("MultiUse", {"globalAmountLimit": "100"} | LIMITS),
        ("MultiUse", {"globalAmountLimit": "100", "transactionAmount": "5", "amountType": "Minimum"}),
        ("Recurring", {"transactionAmount": "9.99", "recurringPeriod": "1 Month"}),
    ],
)
def test_payments(pipeline: str, own: dict[str, str]) -> None:
    terms = read_terms(pipeline, {"callerReference": "c"} | own)
    assert isinstance(terms, SenderTerms)
    kept = replace(STORED, token_type=terms.token_type, terms=terms.agreed, limits=used(terms.limits))

    asked, told = agreed_in_visit(terms, NAMES), agreed_before(stored(kept))

    assert told.subject == asked.subject
    assert allowances(told, "your card", "today") == allowances(asked, "your card", "today")


def test_a_prepaid_balance() -> None:
    terms = read_terms(
        "SetupPrepaid", {"callerReferenceSender": "s", "callerReferenceFunding": "f", "fundingAmount": "25"}
    )
    kept = replace(
        STORED,
        purpose=TokenPurpose.PREPAID_SENDER,
        instrument_id=InstrumentId("instrument"),
        holdings=Holdings(3_000_000, 25_000_000, None, 0),
    )
    assert agreed_before(stored(kept)).subject == agreed_in_visit(terms, NAMES).subject


def test_a_tab() -> None:
    params = {"callerReferenceSender": "s", "callerReferenceSettlement": "t"}
    terms = read_terms("SetupPostpaid", params | {"creditLimit": "0.5", "globalAmountLimit": "12"} | LIMITS)
    kept = replace(
        STORED,
        purpose=TokenPurpose.CREDIT_SENDER,
        instrument_id=InstrumentId("instrument"),
        limits=used((LimitTerms(LimitKind.COUNT, 3, Period(2, "Week")),)),
        holdings=Holdings(0, 500_000, 12_000_000, 100_000),
    )
    assert agreed_before(stored(kept)).subject == agreed_in_visit(terms, NAMES).subject


@pytest.mark.parametrize(
    ("accepted", "instruction"),
    [(None, None), ("CC,ABT", "PaymentMethod in ('cc', 'abt');"), (None, "MyRole == 'Recipient';")],
)
def test_receiving(accepted: str | None, instruction: str | None) -> None:
    params = {"callerReference": "c", "recipientPaysFee": "True", "maxFixedFee": "0.30", "maxVariableFee": "2.5"}
    terms = read_terms("Recipient", params if accepted is None else params | {"paymentMethod": accepted})
    assert isinstance(terms, RecipientTerms)
    kept = replace(STORED, purpose=TokenPurpose.RECIPIENT, terms=terms.agreed, instruction=instruction)
    assert agreed_before(stored(kept)).subject == agreed_in_visit(terms, NAMES).subject


def test_paying_buyers_back() -> None:
    text = AuthorizationText(stored(replace(STORED, purpose=TokenPurpose.INSTALLED)))
    assert text.label == "Payments back to buyers"
    assert text.sentences == ["Music Shop may pay payments back to the buyers, out of your account."]
    assert text.reason_html == "<b>Songs</b>"


def test_another_means_of_payment_needs_the_token_that_it_is_for() -> None:
    terms = read_terms("EditToken", {"callerReference": "c", "tokenId": "t"})
    with pytest.raises(LookupError):
        agreed_in_visit(terms, NAMES)


def test_a_cancelled_authorization_says_so() -> None:
    state = stored(replace(STORED, cancelled_at=NOW + timedelta(days=1)))
    assert AuthorizationText(state).status == "Cancelled on 24 November 2026"
    assert AuthorizationText(state).source_title is None
