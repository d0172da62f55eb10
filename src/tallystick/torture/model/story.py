"""A history in words, short enough to be read in an issue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from tallystick.torture.model.operations import Answer, FaceName, OperationCall, Outcome, PlannedOperation
from tallystick.torture.model.rules import apply
from tallystick.torture.model.state import Terms
from tallystick.torture.model.worlds import Worlds


def amount(micros: int) -> str:
    """Micro-units as people write them: two decimals, more where there are more."""
    whole, fraction = divmod(micros, 1_000_000)
    return f"{whole}.{f'{fraction:06d}'.rstrip('0'):0<2}"


def agreed(terms: Terms) -> str:
    """What the buyer of a story has agreed to."""
    ways = {True: "card", False: "account"}
    return (
        f"a buyer with {amount(terms.account)} on the account; balance up to {amount(terms.funding_limit)}, funded by "
        f"{ways[terms.funding_by_card]}; tab up to {amount(terms.credit_limit)}, {amount(terms.total_limit)} in all, "
        f"settled by {ways[terms.settlement_by_card]}"
    )


def request(operation: PlannedOperation) -> str:
    """What was asked for."""
    words = [operation.action.value]
    if operation.amount is not None:
        words.append(amount(operation.amount))
    if operation.token is not None:
        words.append(f"with the {operation.token.value} token")
    if operation.original is not None:
        words.append(f"of {operation.original}")
    if operation.reference is not None:
        words.append(f"as {operation.reference}")
    if operation.face is not FaceName.QUERY:
        words.append(f"by {operation.face}")
    return " ".join(words)


def outcome(heard: Outcome) -> str:
    """What it came to."""
    if heard.code is not None:
        return heard.code
    read = " and ".join(amount(value) for value in heard.values)
    if heard.status and read:
        return f"{heard.status} ({read})"
    return heard.status or read or "done"


def answer(call: OperationCall) -> str:
    """What was heard."""
    heard: Answer | None = call.answer
    if heard is None:
        return f"no answer ({call.why})"
    made = {True: " made", False: " told again", None: ""}[heard.made]
    return outcome(heard.outcome) + (f", transaction {heard.transaction_id}{made}" if heard.transaction_id else "")


def lines(told: Sequence[Sequence[OperationCall]]) -> Iterator[str]:
    """A line for each request; requests that were under way together begin with the same number.

    Where one was asked again and again, there is a line for the first and one for how often.
    """
    for number, (_, alike) in enumerate(groupby(told, key=_without_answer), start=1):
        rounds = list(alike)
        for place, call in enumerate(rounds[0]):
            beside = f"{number:3}." if place == 0 else "   &"
            yield f"{beside} {request(call.operation)} at process {call.server}: {answer(call)}"
        if len(rounds) > 1:
            (last,) = rounds[-1]
            yield f"     and so on, {len(rounds) - 1} times more, at last at process {last.server}: {answer(last)}"


def _without_answer(calls: Sequence[OperationCall]) -> object:
    """Equal for rounds that are told once: the same request alone, asked until there was an answer, or the end."""
    if len(calls) != 1:
        return id(calls)
    (call,) = calls
    return call.operation.content, call.operation.reference, call.operation.face


def requests(told: Sequence[Sequence[OperationCall]]) -> int:
    """How many requests a story has, counted as they are told."""
    return sum(len(next(alike)) for _, alike in groupby(told, key=_without_answer))


def expected(worlds: Worlds, operation: PlannedOperation) -> str:
    """What the model would have said, just after the round before."""
    possible = set()
    for world in worlds:
        for heard, after in apply(world.state, operation):
            made = after.find(operation.reference)
            known = None if made is None else made.transaction_id
            possible.add(outcome(heard) + (f", transaction {known}" if known else ""))
    return " or ".join(sorted(possible))
