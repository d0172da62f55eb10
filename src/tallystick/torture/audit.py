"""At the end of a run: what sellers read of their books is what the model has of all their buyers, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, Final

from tallystick.client.fps import Client, FpsAnswer
from tallystick.domain.texts import counted
from tallystick.torture.faces.json import OBJECTS, STATUSES, JsonFace, micros
from tallystick.torture.model.state import ModelState, ModelTransaction
from tallystick.torture.model.story import amount
from tallystick.torture.model.worlds import Worlds
from tallystick.torture.player import Found, Player
from tallystick.torture.stage import CUSHION_MICROS, TortureSeller

_BATCH: Final = 200
_MOST_COMBINATIONS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Listed:
    """A transaction as the seller's list of activity has it. `received`: when the service says it came in."""

    transaction_id: str
    operation: str
    micros: int
    status: str
    received: datetime


@dataclass(frozen=True, slots=True)
class Books:
    """What one seller is told."""

    seller: TortureSeller
    listed: Mapping[str, Listed]
    prepaid: int
    debt: int
    cash: int


async def read_books(client: Client, seller: TortureSeller, since: datetime) -> Books:
    """Ask the query API for everything. Raises ServiceError, httpx.HTTPError."""
    listed: dict[str, Listed] = {}
    start: str | None = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    while start is not None:
        page = await client.call(
            "GetAccountActivity",
            {"StartDate": start, "SortOrderByDate": "Ascending", "MaxBatchSize": str(_BATCH)},
        )
        listed |= {found.transaction_id: found for found in _transactions(page)}
        following = None if page.result is None else page.result.findtext("{*}StartTimeForNextTransaction")
        start = following or None
    liability = await client.call("GetTotalPrepaidLiability")
    debts = await client.call("GetOutstandingDebtBalance")
    account = await client.call("GetAccountBalance")
    return Books(
        seller,
        listed,
        liability.micros("OutstandingPrepaidLiability", "OutstandingBalance"),
        debts.micros("OutstandingDebt", "OutstandingBalance"),
        account.micros("AccountBalance", "TotalBalance"),
    )


async def read_json_books(face: JsonFace, seller: TortureSeller) -> Books:
    """Ask /v1 for the same. Raises httpx.HTTPError."""
    listed: dict[str, Listed] = {}
    following: str | None = ""
    while following is not None:
        page = (await face.get(f"/v1/transactions?limit=100{following}")).raise_for_status().json()
        listed |= {shown["id"]: _shown(shown) for shown in page["data"]}
        following = None if page["next_cursor"] is None else f"&cursor={page['next_cursor']}"
    account = (await face.get("/v1/account")).raise_for_status().json()
    prepaid, debt, cash = (micros(account[name]["balance"]) for name in ("prepaid_liability", "debt", "cash"))
    return Books(seller, listed, prepaid, debt, cash)


def _shown(shown: Mapping[str, Any]) -> Listed:
    return Listed(
        shown["id"],
        OBJECTS[shown["object"]].value,
        micros(shown["amount"]),
        STATUSES[shown["status"]],
        datetime.fromisoformat(shown["created_at"]),
    )


def problems(books: Books, players: Sequence[Player]) -> Iterator[str]:
    """What differs from the model, in words. `players`: all that played for buyers of this seller."""
    expected: set[str] = set()
    fitting: list[list[ModelState]] = []
    for player in players:
        states = [world.state for world in player.worlds]
        expected |= {made.transaction_id for state in states for made in state.transactions if made.transaction_id}
        fits = [state for state in states if not any(_differs(books.listed, made) for made in state.transactions)]
        if not fits:
            yield from _differences(books.listed, player.worlds)
        fitting.append(fits or states)
    more = [found for name, found in books.listed.items() if name not in expected]
    if len(more) != 1:  # the one that gave the seller its cushion
        told = counted(len(more) - 1, "transaction is", "transactions are")
        yield f"{told} in the books that nobody was told of: {more}"
    yield from _wrong_sums(books, fitting)


def _differs(listed: Mapping[str, Listed], made: ModelTransaction) -> str | None:
    if made.transaction_id is None:
        return f"{made.reference} ({made.action}) was never answered"
    found = listed.get(made.transaction_id)
    if found is None:
        return f"{made.transaction_id} ({made.action} {amount(made.amount)}) was answered and is not in the books"
    there = (found.operation, found.micros, found.status)
    should = (made.action.value, made.amount, made.status)
    return None if there == should else f"{made.transaction_id} is {there} in the books and should be {should}"


def _differences(listed: Mapping[str, Listed], worlds: Worlds) -> list[str]:
    """Those of the possible truth that comes nearest."""
    found = [
        [words for made in world.state.transactions if (words := _differs(listed, made)) is not None]
        for world in worlds
    ]
    return min(found, key=len)


def _wrong_sums(books: Books, fitting: Sequence[Sequence[ModelState]]) -> Iterator[str]:
    sums = {(CUSHION_MICROS, 0, books.seller.cash_micros)}
    for states in fitting:
        each = {(state.balance, state.debt, state.cash) for state in states}
        sums = {(one[0] + other[0], one[1] + other[1], one[2] + other[2]) for one, other in product(sums, each)}
        if len(sums) > _MOST_COMBINATIONS:
            raise RuntimeError("too many truths are possible to add them up")
    told = (books.prepaid, books.debt, books.cash)
    if told not in sums:
        should = " or ".join(" / ".join(map(amount, possible)) for possible in sorted(sums)[:3])
        yield f"balances, debts and cash come to {' / '.join(map(amount, told))} and should come to {should}"


def _transactions(page: FpsAnswer) -> Iterator[Listed]:
    for element in [] if page.result is None else page.result.iterfind("{*}Transaction"):
        answer = FpsAnswer(element)
        yield Listed(
            answer.text("TransactionId"),
            answer.text("FPSOperation"),
            answer.micros("TransactionAmount"),
            answer.text("TransactionStatus"),
            datetime.fromisoformat(answer.text("DateReceived")),
        )


def how_found(found: Sequence[Found], books: Sequence[Books]) -> dict[str, int]:
    """What became of everything unknown: whether it had happened before it was asked for again."""
    received = {name: one.received for each in books for name, one in each.listed.items()}
    counted: dict[str, int] = {}
    for each in found:
        words = _words(each, received)
        counted[words] = counted.get(words, 0) + 1
    return counted


def _words(found: Found, received: Mapping[str, datetime]) -> str:
    if found.outcome.code is not None:
        return "refused when asked again"
    at = None if found.transaction_id is None else received.get(found.transaction_id)
    if at is None or found.operation.reference is None:
        return "carried out or told when asked again"
    if at < found.asked_again - timedelta(milliseconds=1):
        return "had happened: the first transaction was told again"
    return "had not happened: carried out when asked again"
