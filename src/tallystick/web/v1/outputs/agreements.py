"""The members of authorizations and of their statements."""

from __future__ import annotations

from typing import Final

from tallystick.services.events.authorizations import METHODS, MULTIPLE, RECURRING, RULES, SINGLE
from tallystick.services.reports.statements import MAX_LINES
from tallystick.web.v1.authorizations import POSTPAID, PREPAID
from tallystick.web.v1.consent import objects, statements, terms
from tallystick.web.v1.outputs.output import (
    AMOUNT,
    AN_ID,
    AUTHORIZATION_ID,
    CURRENCY,
    ENVIRONMENT,
    MOMENT,
    NUMBER,
    TEXT,
    YES_OR_NO,
    Output,
    inner,
    one_of,
)

_LIMIT: Final = inner(
    Output("amount", AMOUNT, "The most that may be charged.", "50.000000", nullable=True),
    Output("charges", NUMBER, "How many charges there may be.", None, nullable=True),
    Output("left_amount", AMOUNT, "What is left of it.", "49.750000", nullable=True),
    Output("left_charges", NUMBER, "How many are left.", None, nullable=True),
    Output("period", TEXT, "How often it starts anew; null: never.", "1 Month", nullable=True),
    Output("renews_at", MOMENT, "When it starts anew.", "2027-01-01T12:00:00.000000Z", nullable=True),
)


AUTHORIZATION: Final = (
    Output("object", one_of("authorization"), "What it is.", "authorization"),
    Output("id", TEXT, "The instrument's id; of a payment token, the token's.", AUTHORIZATION_ID),
    Output("kind", one_of(*terms.KINDS), "What was agreed to.", PREPAID),
    Output(
        "use",
        one_of(SINGLE, MULTIPLE, RECURRING),
        "Of payments: how often. Null also where a rule in the seller's own words says.",
        None,
        nullable=True,
    ),
    Output("status", one_of(*objects.STATUSES), "`pending` until a buyer agrees.", "active"),
    Output("url", TEXT, "While it is pending: where a buyer agrees.", None, nullable=True),
    CURRENCY,
    Output("limit", AMOUNT, "The most that a balance can be, or that can be owed.", "25.000000", nullable=True),
    Output("total_limit", AMOUNT, "Of a tab or payments: the most that may be charged in all.", None, nullable=True),
    Output("limits", {"type": "array", "items": _LIMIT}, "What else bounds charges, in a period or ever.", []),
    Output("amount", AMOUNT, "Of payments: what each comes to.", None, nullable=True),
    Output("amount_rule", one_of(*RULES.values()), "Of payments: how `amount` binds each.", None, nullable=True),
    Output("for_reservation", YES_OR_NO, "Of payments: whether it is for a reservation.", None, nullable=True),
    Output(
        "payment_method",
        one_of(*METHODS.values()),
        "How the buyer brings in real money, once somebody has agreed.",
        "card",
        nullable=True,
    ),
    Output("balance", AMOUNT, "Of a balance: what is on it.", "9.750000", nullable=True),
    Output("owed", AMOUNT, "Of a tab: what is owed.", None, nullable=True),
    Output("pending", AMOUNT, "What is on its way.", "0.000000", nullable=True),
    Output("available", AMOUNT, "The largest charge that would pass now.", "9.750000", nullable=True),
    Output("description", TEXT, "What the buyer reads.", "API credits", nullable=True),
    Output("idempotency_key", TEXT, "The key of its request.", "wallet-of-ada"),
    Output("created_at", MOMENT, "When it was asked for or agreed to.", "2026-12-01T12:00:00.000000Z"),
    Output("starts_at", MOMENT, "When it begins; null: when a buyer agrees.", None, nullable=True),
    Output("expires_at", MOMENT, "When it ends; null: never.", None, nullable=True),
)


def _statement(word: str) -> tuple[Output, ...]:
    return (
        Output("object", one_of(word), "What it is.", word),
        Output("id", TEXT, "Its id.", f"stm_{AUTHORIZATION_ID}_2026-11"),
        Output("authorization", TEXT, "The balance or tab.", AUTHORIZATION_ID),
        Output("kind", one_of(PREPAID, POSTPAID), "Which of the two.", PREPAID),
        Output("month", TEXT, "Of the books, in UTC.", "2026-11"),
        Output(
            "status",
            one_of(*statements.STATUSES),
            "`open` while the month lasts. Afterwards all but `due` stays, unless a refund that was on its way fails.",
            "final",
        ),
        Output("starts_at", MOMENT, "Its first moment.", "2026-11-01T00:00:00.000000Z"),
        Output("ends_at", MOMENT, "The first moment after it.", "2026-12-01T00:00:00.000000Z"),
        CURRENCY,
        ENVIRONMENT,
    )


_TOTAL: Final = inner(
    Output("type", one_of(*statements.LINE_TYPES.values()), "What moved.", "charge"),
    Output("count", NUMBER, "How many times.", 1),
    Output("change", AMOUNT, "By how much in all: below 0 where it fell.", "-0.250000"),
)
_LINE: Final = inner(
    Output("at", MOMENT, "When it moved; of a day, its first moment.", "2026-11-20T12:00:00.000000Z"),
    Output("type", one_of(*statements.LINE_TYPES.values()), "What moved.", "charge"),
    Output("transaction", TEXT, "The transaction; null: all of the day.", AN_ID, nullable=True),
    Output("description", TEXT, "What the buyer reads.", "1,000 tokens", nullable=True),
    Output("count", NUMBER, "How many it stands for.", 1),
    Output("change", AMOUNT, "By how much; below 0 where it fell.", "-0.250000"),
    Output("balance", AMOUNT, "What was then left or owed.", "9.750000"),
)


STATEMENT: Final = (
    *_statement("statement"),
    Output(
        "complete",
        YES_OR_NO,
        "Whether all that moved since the month began is in the books. Else part of it is in the archive, and the "
        "figures do not have it.",
        example=True,
    ),
    Output("opening", AMOUNT, "What was left, or owed on a tab, when it began.", "10.000000"),
    Output(
        "totals",
        {"type": "array", "items": _TOTAL},
        "What moved, by type.",
        [{"type": "charge", "count": 1, "change": "-0.250000"}],
    ),
    Output("closing", AMOUNT, "What was left or owed at its end, or is so far.", "9.750000"),
    Output(
        "due",
        AMOUNT,
        "Of a tab: what of `closing` is still owed. What came in counts against the oldest charges first.",
        None,
        nullable=True,
    ),
    Output(
        "lines",
        {"type": "array", "items": _LINE},
        "With `expand=lines`: what moved, the oldest first.",
        None,
        nullable=True,
    ),
    Output(
        "lines_by_day",
        YES_OR_NO,
        f"With `expand=lines`: whether more than {MAX_LINES} moved, so that each line is all of a type on a day.",
        None,
        nullable=True,
    ),
)

STATEMENT_MONTH: Final = _statement("statement_month")
