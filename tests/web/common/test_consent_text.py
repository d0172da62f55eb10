"""What buyers read before they agree."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tallystick.domain.decide.outgoing.redemption import ALWAYS, Redemption
from tallystick.services.consent.participants import Names
from tallystick.services.consent.terms import read_terms
from tallystick.web.common.agreements.agreed import Agreed, agreed_in_visit
from tallystick.web.common.agreements.consent_text import promises
from tallystick.web.common.agreements.offers import offer

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MARCH = str(int(datetime(2027, 3, 1, tzinfo=UTC).timestamp()))
JANUARY = str(int(datetime(2027, 1, 5, 8, 30, tzinfo=UTC).timestamp()))

PREPAID = {"callerReferenceSender": "s", "callerReferenceFunding": "f", "fundingAmount": "25"}
POSTPAID = {
    "callerReferenceSender": "s",
    "callerReferenceSettlement": "t",
    "creditLimit": "0.5",
    "globalAmountLimit": "12000",
}


def asked(pipeline: str, params: dict[str, str], *recipients: str) -> Agreed:
    return agreed_in_visit(read_terms(pipeline, params), Names("Music Shop", recipients))


def said(pipeline: str, params: dict[str, str], *recipients: str) -> list[str]:
    return promises(asked(pipeline, params, *recipients), "your account balance", NOW)


def test_prepaid_in_words() -> None:
    assert said("SetupPrepaid", PREPAID) == [
        "Music Shop may take up to 25.00 USD from your account balance to fill your prepaid balance.",
        "When the balance runs low, Music Shop may top it up again, to at most 25.00 USD.",
        "You spend from that balance at Music Shop, without being asked each time.",
        (
            "Money in the balance does not expire. "
            "It can be spent at Music Shop only, until this authorization is cancelled."
        ),
        "Music Shop may pay back what you have not spent, but need not.",
        "This authorization starts now. It lasts until you or the seller cancel it.",
    ]


@pytest.mark.parametrize(
    ("redemption", "sentence"),
    [
        (
            ALWAYS,
            "Music Shop pays back what you have not spent, to where it came from, whenever you ask for it.",
        ),
        (
            Redemption(10_000_000, 5_000_000),
            (
                "When at most 10.00 USD is left, Music Shop pays it back to where it came from, whenever you ask. "
                "When more is left, Music Shop may pay it back, but need not."
            ),
        ),
        (
            Redemption(5_000_000, 10_000_000),
            (
                "When less than 10.00 USD is left, Music Shop pays it back to where it came from, whenever you ask. "
                "When more is left, Music Shop may pay it back, but need not."
            ),
        ),
    ],
)
def test_what_is_paid_back_of_a_prepaid_balance_in_words(redemption: Redemption, sentence: str) -> None:
    terms = read_terms("SetupPrepaid", PREPAID | {"validityExpiry": MARCH})
    said = promises(agreed_in_visit(terms, Names("Music Shop"), redemption=redemption), "your card", NOW)
    assert said[3:5] == [
        (
            "Money in the balance can be spent at Music Shop only, until 1 March 2027 or until this authorization is "
            "cancelled, and not afterwards."
        ),
        sentence,
    ]


def test_postpaid_in_words() -> None:
    limits = {
        "usageLimitType1": "Amount",
        "usageLimitValue1": "0.000125",
        "usageLimitPeriod1": "1 Hour",
        "usageLimitType2": "Count",
        "usageLimitValue2": "1.00",
    }
    assert said("SetupPostpaid", POSTPAID | limits | {"validityStart": JANUARY, "validityExpiry": MARCH}) == [
        "Music Shop may put what you buy on a tab, without asking you each time.",
        "You never owe more than 0.50 USD at any one time.",
        "All purchases on the tab together come to at most 12,000.00 USD.",
        "Purchases come to at most 0.000125 USD every hour.",
        "There is at most 1 purchase in all.",
        "Music Shop settles the tab from your account balance: only what you owe, in one payment or several.",
        (
            "This authorization starts on 5 January 2027, 08:30 UTC. It ends on 1 March 2027."
            " What you owe by then can still be settled afterwards."
        ),
    ]


def test_single_use_in_words() -> None:
    params = {"callerReference": "c", "transactionAmount": "24.90"}
    assert said("SingleUse", params) == [
        "Music Shop may take exactly 24.90 USD from your account balance, once, within three hours from now.",
    ]
    assert said("SingleUse", params, "Ann's Records") == [
        "Music Shop may take exactly 24.90 USD from your account balance, once, within three hours from now.",
        "The money goes to Ann's Records; Music Shop acts on their behalf.",
    ]
    assert said("SingleUse", params | {"reserve": "True"}) == [
        "Music Shop may hold 24.90 USD on your account balance, once, within three hours from now.",
        "Within seven days of that, Music Shop may take what was held, or less. The rest is let go.",
    ]


@pytest.mark.parametrize(
    ("bound", "each"),
    [
        ({}, ""),
        ({"transactionAmount": "5"}, " of exactly 5.00 USD each"),
        ({"transactionAmount": "5", "amountType": "Maximum"}, " of at most 5.00 USD each"),
        ({"transactionAmount": "5", "amountType": "Minimum"}, " of at least 5.00 USD each"),
    ],
)
def test_multi_use_in_words(bound: dict[str, str], each: str) -> None:
    limit = {"usageLimitType2": "Count", "usageLimitValue2": "3", "usageLimitPeriod2": "2 Weeks"}
    params = {"callerReference": "c", "globalAmountLimit": "100"} | bound | limit
    assert said("MultiUse", params, "A", "B", "C") == [
        f"Music Shop may take payments{each} from your account balance, without asking you each time.",
        "Payments come to at most 100.00 USD in all.",
        "There are at most 3 payments every 2 weeks.",
        "The money goes to A, B or C; Music Shop acts on their behalf.",
        "This authorization starts now. It ends after one year.",
    ]
    assert offer(asked("MultiUse", params)).figure == "100.00 USD"


def test_recurring_in_words() -> None:
    params = {"callerReference": "c", "transactionAmount": "9.99", "recurringPeriod": "1 Month"}
    assert said("Recurring", params | {"validityExpiry": MARCH}) == [
        (
            "Music Shop may take exactly 9.99 USD from your account balance, at most once every month,"
            " without asking you each time."
        ),
        "This authorization starts now. It ends on 1 March 2027.",
    ]
    assert offer(asked("Recurring", params)).summary == (
        "Music Shop may charge you 9.99 USD at most once every month until you cancel it."
    )


def test_receiving_in_words() -> None:
    params = {"callerReference": "c", "recipientPaysFee": "True", "maxFixedFee": "0.30", "maxVariableFee": "2.5"}
    assert said("Recipient", params | {"paymentMethod": "CC,ABT"}) == [
        "Music Shop may take payments from buyers on your behalf. They are credited to your account.",
        "Buyers may pay by card or account balance only.",
        "Music Shop keeps at most 0.30 USD plus 2.5 % of each payment; the rest is yours.",
        "You pay the fee that this service takes of each payment.",
        "Music Shop may pay such payments back to the buyers, out of your account.",
        "This authorization starts now. It lasts until you or the marketplace cancel it.",
    ]
    free = said("Recipient", {"callerReference": "c", "recipientPaysFee": "False"})
    assert "Music Shop keeps no share." in free
    assert "Music Shop pays the fee that this service takes of each payment." in free


def test_a_purchase_in_words() -> None:
    terms = read_terms("SimplePay", {"amount": "USD 12.50", "description": "One <b>CD</b>", "returnUrl": "x"})
    agreed = agreed_in_visit(terms, Names("Music Shop"))
    assert promises(agreed, "your card ending in 4242", NOW)[0] == (
        "You pay 12.50 USD to Music Shop from your card ending in 4242, once and now."
    )
    assert terms.reason_html == "One &lt;b&gt;CD&lt;/b&gt;"
    assert offer(agreed).button == "Pay 12.50 USD"


@pytest.mark.parametrize(
    ("pipeline", "params", "summary"),
    [
        (
            "SetupPrepaid",
            PREPAID,
            "Music Shop may charge you to fill a balance of up to 25.00 USD until you cancel it.",
        ),
        (
            "SetupPostpaid",
            POSTPAID | {"validityExpiry": MARCH},
            "You may owe Music Shop up to 0.50 USD at a time and 12,000.00 USD in total until 1 March 2027.",
        ),
        (
            "MultiUse",
            {"callerReference": "c", "globalAmountLimit": "100", "validityExpiry": MARCH},
            "Music Shop may charge you up to 100.00 USD in total until 1 March 2027.",
        ),
        (
            "MultiUse",
            {"callerReference": "c", "globalAmountLimit": "100"},
            "Music Shop may charge you up to 100.00 USD in total for one year.",
        ),
        (
            "SingleUse",
            {"callerReference": "c", "transactionAmount": "24.90"},
            "Music Shop may charge you 24.90 USD, once, within three hours.",
        ),
        (
            "SimplePay",
            {"amount": "USD 12.50", "description": "One CD", "returnUrl": "x"},
            "You pay 12.50 USD to Music Shop, once.",
        ),
        (
            "Recipient",
            {"callerReference": "c", "recipientPaysFee": "True", "maxVariableFee": "2.5"},
            "Music Shop may take payments on your behalf and keeps at most 2.5 % of each payment, until you cancel it.",
        ),
    ],
)
def test_all_of_it_in_one_sentence(pipeline: str, params: dict[str, str], summary: str) -> None:
    assert offer(asked(pipeline, params)).summary == summary
