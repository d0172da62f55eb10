"""What must be true when a history is over: of the books by themselves, and of what everybody was told.

Written anew, without the statements of `verify` and without the domain's rules.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import inf
from typing import Final

import msgspec
from tests.simulation.callers import Question
from tests.simulation.cast import OPERATOR, SECOND_PART
from tests.simulation.money_writes import whole
from tests.simulation.postgres import Record, Server
from tests.simulation.rails import Bank, Receiver

from tallystick.domain.commands import Cancel, CancelToken, Pay, Settle
from tallystick.domain.outcomes import Accepted, Done, Outcome
from tallystick.domain.rails.commands import BookMovement, Deposit, Paid, RailOperation
from tallystick.domain.refusals import Refusal, Refused

LONGEST_SECONDS: Final = 40.0
"""A call has its answer after twice its budget, whatever happens: its group may end with the budget of a later one."""


def same_answer(first: Outcome, other: Outcome) -> bool:
    """A repeated refusal says besides when it was first given."""
    if isinstance(first, Refused) and isinstance(other, Refused):
        return first.refusal is other.refusal
    return first == other


def problems_of(server: Server, bank: Bank, receiver: Receiver, asked: Sequence[Question]) -> list[str]:
    """Everything that is wrong, in words."""
    tokens = server.rows("token")
    transactions = {
        row["transaction_id"]: whole(row, (token for token in tokens if token["book_id"] == row["book_id"]))
        for row in server.rows("transaction")
    }
    ended = {row["token_id"] for row in server.rows("token") if row["cancelled_at"] is not None}
    return [
        *_balances(server),
        *_instruments(server, transactions),
        *_tokens(server, transactions),
        *_references(server, transactions),
        *_questions(asked, transactions, bank, ended),
        *_cancelled(asked),
        *_rail(server, transactions, bank),
        *_notifications(server, transactions, receiver),
        *(["a transaction was left open"] if server.open else []),
    ]


def _balances(server: Server) -> Iterator[str]:
    moved: Counter[tuple[int, int]] = Counter()
    own = [
        {**row, "debit_account": row["own_debit_account"], "credit_account": 2}
        for row in server.rows("transaction")
        if row["own_debit_account"] is not None
    ]
    for row in (*server.rows("transfer"), *own):
        moved[row["book_id"], row["debit_account"]] += row["amount_micros"]
        moved[row["book_id"], row["credit_account"]] -= row["amount_micros"]
    sums: Counter[int] = Counter()
    for row in server.rows("account"):
        key = (row["book_id"], row["account_id"])
        sums[row["book_id"]] += row["balance_micros"]
        if row["balance_micros"] != moved.pop(key, 0):
            yield f"{row['kind']} {row['subject']}: the balance {row['balance_micros']} is not what its transfers say"
    yield from (f"transfers on the missing account {key}" for key, micros in moved.items() if micros)
    yield from (f"book {book} sums to {micros}" for book, micros in sums.items() if micros)
    cash = {row["book_id"]: row["balance_micros"] for row in server.rows("account") if row["kind"] == "cash"}
    owed: Counter[str] = Counter()
    for row in server.rows("account"):
        if row["kind"] == "owed_to":
            owed[row["subject"]] -= row["balance_micros"]
    for row in server.rows("book"):
        if row["party_id"] is not None and cash[row["book_id"]] != owed[str(row["party_id"])]:
            yield f"seller {row['party_id']}: cash {cash[row['book_id']]}, owed {owed[str(row['party_id'])]}"


def _instruments(server: Server, transactions: dict[str, Record]) -> Iterator[str]:
    balances = {
        row["subject"]: row["balance_micros"]
        for row in server.rows("account")
        if row["book_id"] not in {OPERATOR, SECOND_PART}
    }
    expected: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in transactions.values():
        if row["instrument_id"] is not None:
            sums = expected[row["instrument_id"]]
            if row["operation"] == "Refund" and row["payment_method"] not in {"Prepaid", "Debt"}:
                sums["given back"] += 0 if row["status"] == "Failure" else row["amount_micros"]
            elif row["status"] == "Success":
                sums[row["operation"]] += row["amount_micros"]
            if row["status"] == "Pending":
                sums["pending"] += row["amount_micros"]
    for row in server.rows("instrument"):
        name = row["instrument_id"]
        yield from (f"instrument {name}: {problem}" for problem in _instrument(row, expected[name], balances[name]))


def _instrument(row: Record, sums: Counter[str], balance: int) -> Iterator[str]:
    if row["kind"] == "prepaid":
        left = sums["FundPrepaid"] + sums["Refund"] - sums["Pay"] - sums["given back"]
        if left != -balance or left < 0:
            yield f"{-balance} is left, by its transactions {left}"
    else:
        owed = sums["Pay"] - sums["Refund"] - sums["SettleDebt"] - sums["WriteOffDebt"]
        if owed != balance or owed < 0 or owed > row["limit_micros"]:
            yield f"{balance} is owed of {row['limit_micros']}, by its transactions {owed}"
        if sums["Pay"] != row["charged_micros"]:
            yield f"charged {row['charged_micros']}, by its transactions {sums['Pay']}"
    if sums["pending"] != row["pending_micros"]:
        yield f"pending {row['pending_micros']}, by its transactions {sums['pending']}"


def _tokens(server: Server, transactions: dict[str, Record]) -> Iterator[str]:
    """What a token without an instrument counts as used is what its payments come to, failed ones apart."""
    used: Counter[str] = Counter()
    tokens = server.rows("token")
    for row in transactions.values():
        if row["operation"] in {"Pay", "Reserve"} and row["status"] not in {"Failure", "Cancelled"}:
            used[row["sender_token_id"]] += row["amount_micros"]
    for row in tokens:
        for limit in msgspec.json.decode(row["usage_limits"]):
            if limit["period"] is None and limit["used"] != used[row["token_id"]]:
                yield f"token {row['token_id']}: counts {limit['used']}, by its payments {used[row['token_id']]}"


def _references(server: Server, transactions: dict[str, Record]) -> Iterator[str]:
    made: Counter[str] = Counter(
        row["caller_reference"] for row in transactions.values() if row["operation"] not in {"Deposit", "RailMovement"}
    )
    spent = {row["caller_reference"]: row["transaction_id"] for row in server.rows("answered_reference")}
    for reference, number in made.items():
        if number > 1:
            yield f"{reference}: {number} transactions were made with it"
        if spent.get(reference) not in transactions:
            yield f"{reference}: a transaction was made with it, and it is not spent"
    for row in transactions.values():
        if row["original_id"] is None and row["refunded_micros"]:
            back = sum(
                other["amount_micros"]
                for other in transactions.values()
                if other["original_id"] == row["transaction_id"]
                and other["status"] in {"Success", "Pending"}
                and (other["sender_party_id"] is not None or other["operation"] == "PayoutReturn")
            )
            if back != row["refunded_micros"] or back > row["amount_micros"]:
                yield f"{row['transaction_id']}: refunded {row['refunded_micros']}, by its refunds {back}"


def _questions(
    asked: Sequence[Question], transactions: dict[str, Record], bank: Bank, ended: set[str]
) -> Iterator[str]:
    by_reference: defaultdict[str, list[Record]] = defaultdict(list)
    for row in transactions.values():
        by_reference[row["caller_reference"]].append(row)
    yield from _bookings(transactions, asked)
    for question in asked:
        name = question.reference or repr(question.command)
        if question.longest_seconds > LONGEST_SECONDS:
            yield f"{name}: no answer for {question.longest_seconds:.1f} s"
        if question.reference is not None:
            yield from _with_reference(question, by_reference[question.reference])
        else:
            yield from _without_reference(question, transactions, bank, ended, asked)


def _bookings(transactions: dict[str, Record], asked: Sequence[Question]) -> Iterator[str]:
    """Of each movement at a rail there is one transaction, however often it was told, and with whichever sum."""
    told: dict[str, set[str]] = defaultdict(set)
    for question in asked:
        if isinstance(question.command, BookMovement):
            answers = [answer for answer in question.attempts if isinstance(answer, Accepted)]
            told[question.command.movement_id] |= {answer.transaction_id for answer in answers}
    for movement_id, names in told.items():
        if len(names) > 1 or not names <= transactions.keys():
            yield f"movement {movement_id}: told that it is booked by {sorted(names)}, the books say something else"
    booked = [row for row in transactions.values() if row["operation"] == "RailMovement"]
    if len(booked) > len(told):
        yield f"{len(booked)} movements of {len(told)} are booked"


def _with_reference(question: Question, made: Sequence[Record]) -> Iterator[str]:
    answers, ids = question.answers, [row["transaction_id"] for row in made]
    for answer in answers:
        if not same_answer(answers[0], answer) and not _is_spent(answer):
            yield f"{question.reference}: told {answers[0]}, then {answer}"
        if isinstance(answer, Accepted) and ids != [answer.transaction_id]:
            yield f"{question.reference}: told {answer}, the books have {ids}"
    if answers and isinstance(answers[0], Refused) and made and not _is_spent(answers[0]):
        yield f"{question.reference}: told {answers[0]}, the books have {ids}"
    wanted = getattr(question.command, "amount_micros", None)
    for row in made:
        if wanted is not None and row["operation"] not in {"Reserve", "Refund"} and row["amount_micros"] != wanted:
            yield f"{question.reference}: asked for {wanted}, the books have {row['amount_micros']}"
    if made and not answers and not question.is_unknown and question.attempts:
        yield f"{question.reference}: told that nothing was done, the books have {ids}"


def _cancelled(asked: Sequence[Question]) -> Iterator[str]:
    """Who was told that a token is cancelled sees nothing paid with it that was asked for later."""
    over: dict[str, float] = {}
    for question in asked:
        if isinstance(question.command, CancelToken) and Done() in question.attempts:
            over[question.command.token_id] = min(over.get(question.command.token_id, inf), question.last_told)
    for question in asked:
        command = question.command
        if not isinstance(command, Pay) or question.accepted is None:
            continue
        if (question.first_asked or 0.0) > over.get(command.token_id, inf):
            yield f"{question.reference}: paid with a token that was cancelled before"


def _is_spent(answer: Outcome) -> bool:
    return isinstance(answer, Refused) and answer.refusal is Refusal.DuplicateRequest


def _without_reference(
    question: Question, transactions: dict[str, Record], bank: Bank, ended: set[str], asked: Sequence[Question]
) -> Iterator[str]:
    command = question.command
    done = [told for told in question.attempts if isinstance(told, Accepted | Done)]
    if isinstance(command, Deposit):
        if bool(done) != (command.transaction_id in transactions) and not question.is_unknown:
            yield f"deposit {command.transaction_id}: told {question.attempts}, the books say something else"
    elif isinstance(command, CancelToken):
        same = [other for other in asked if other.command == command]
        told = any(isinstance(answer, Done) for other in same for answer in other.attempts)
        if told != (command.token_id in ended) and not any(other.is_unknown for other in same):
            yield f"{command.token_id}: its cancellation was told as {told}, the books say something else"
    elif isinstance(command, Settle):
        same = [other for other in asked if other.command == command]
        captured = f"{command.transaction_id}.{RailOperation.CAPTURE.value}" in bank.orders
        told = any(isinstance(answer, Accepted) for other in same for answer in other.attempts)
        if captured and not told and not any(other.is_unknown for other in same):
            yield f"{command.transaction_id}: settled, and nobody was told so"
        if done and not captured and transactions[command.transaction_id]["status"] == "Success":
            yield f"{command.transaction_id}: settled, and the rail was not asked"
    elif isinstance(command, Cancel) and done:
        row = transactions[command.transaction_id]
        if row["status"] != "Cancelled":
            yield f"{command.transaction_id}: told that it is cancelled, it is {row['status']}"


def _rail(server: Server, transactions: dict[str, Record], bank: Bank) -> Iterator[str]:
    yield from (f"the rail was asked for {key} with two amounts" for key in bank.doubled)
    for row in server.rows("rail_request"):
        yield f"{row['transaction_id']}: a rail is still being asked"
    for row in transactions.values():
        if row["payment_method"] not in {"CC", "ACH"} or row["operation"] == "Deposit":
            continue
        name = row["transaction_id"]
        keys = {"Refund": [f"{name}.refund"], "Reserve": [f"{name}.capture"]}.get(row["operation"], [name])
        taken = [order for key in keys if (order := bank.orders.get(key)) is not None and order.answer == Paid()]
        if (row["status"] == "Success") != bool(taken) and not (row["operation"] == "Refund" and not taken):
            yield f"{name} ({row['operation']}, {row['status']}): the rail has {taken}"
        if taken and taken[0].amount_micros != row["amount_micros"]:
            yield f"{name}: {row['amount_micros']} in the books, {taken[0].amount_micros} at the rail"
        if row["status"] == "Pending":
            yield f"{name}: is still pending"
    known = {f"{name}" for name in transactions}
    yield from (f"the rail took {key} for nothing" for key in bank.orders if key.partition(".")[0] not in known)


def _notifications(server: Server, transactions: dict[str, Record], receiver: Receiver) -> Iterator[str]:
    events = {row["event_id"]: row for row in server.rows("outbox")}
    for row in transactions.values():
        statuses = range(1, row["status_number"] + 1 if row["book_id"] != OPERATOR else 1)
        for name in [f"{row['transaction_id']}-{number}" for number in statuses]:
            if name not in events:
                yield f"nobody is told of {name}"
    first: dict[str, int] = {}
    for place, told in enumerate(receiver.received):
        first.setdefault(told.event_id, place)
        event = events.get(told.event_id)
        if event is None or (event["subject_id"], (event["status"] or "").upper()) != (told.subject, told.status):
            yield f"{told} was sent, the books have {event}"
    for name, event in events.items():
        if event["state"] != "delivered":
            yield f"event {name} is {event['state']}: {event['last_error']}"
        elif name not in first:
            yield f"event {name} counts as delivered, and did not arrive"
    yield from _order(events, first)


def _order(events: dict[str, Record], first: dict[str, int]) -> Iterator[str]:
    """What is told of one transaction arrives in its order, repetitions apart."""
    latest: dict[str, int] = {}
    for name in sorted(first):
        subject = events[name]["subject_id"] if name in events else name
        if first[name] < latest.get(subject, -1):
            yield f"{name} arrived before what was before it"
        latest[subject] = max(first[name], latest.get(subject, -1))
