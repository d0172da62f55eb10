"""The connection breaks during a commit: which commands may be retried, and what the others are answered."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from tests.support.books import Books

from tallystick.domain.commands import CancelToken, Method, Settle
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Done
from tallystick.domain.rails.commands import Paid, RailOperation, ResolveCharge
from tallystick.store.ledger.apply import apply


@pytest.fixture
def lose_answers(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """The next commits are carried out, but the committer gets these errors from them."""
    left: list[Exception] = []
    execute = asyncpg.Connection.execute

    async def heard(connection: asyncpg.Connection[Any], query: str, *values: object, **more: Any) -> str:  # noqa: ANN401
        status = await execute(connection, query, *values, **more)
        if query.startswith("COMMIT") and left:
            raise left.pop()
        return status

    monkeypatch.setattr(asyncpg.Connection, "execute", heard)
    return left


@pytest.mark.parametrize("trouble", [ConnectionResetError(), TimeoutError(), asyncpg.ConnectionDoesNotExistError()])
async def test_a_command_with_a_reference_is_retried(
    shop: Books, lose_answers: list[Exception], trouble: Exception
) -> None:
    buyer = await shop.prepaid_buyer()
    await shop.deposit(buyer, "5.00")
    lose_answers.append(trouble)

    outcome = await shop.fund(buyer, "5.00")

    assert not lose_answers
    assert isinstance(outcome, Accepted)
    assert await shop.balance(buyer) == parse_amount("5.00")


async def test_a_capture_is_not_retried(shop: Books, lose_answers: list[Exception]) -> None:
    held = await shop.reserve(await shop.sender_token(Method.CC), "5.00")
    assert isinstance(held, Accepted)
    await shop.perform(ResolveCharge(held.transaction_id, "simulated", Paid(), RailOperation.AUTHORIZE))
    lose_answers.append(ConnectionResetError("in the middle"))

    with pytest.raises(ConnectionResetError, match="in the middle"):
        await shop.perform(Settle(held.transaction_id, parse_amount("5.00")))

    status = await shop.pool.fetchval("SELECT status FROM transaction WHERE transaction_id = $1", held.transaction_id)
    assert status == "Pending"


async def test_a_cancellation_is_not_retried(shop: Books, lose_answers: list[Exception]) -> None:
    buyer = await shop.prepaid_buyer()
    lose_answers.append(ConnectionResetError("in the middle"))

    with pytest.raises(ConnectionResetError, match="in the middle"):
        await shop.perform(CancelToken(buyer.spending, shop.party_id))

    cancelled = await shop.pool.fetchval("SELECT cancelled_at FROM token WHERE token_id = $1", buyer.spending)
    assert cancelled is not None


async def test_a_deposit_is_not_retried(shop: Books, lose_answers: list[Exception]) -> None:
    buyer = await shop.prepaid_buyer()
    lose_answers.append(ConnectionResetError("in the middle"))

    with pytest.raises(ConnectionResetError, match="in the middle"):
        await shop.deposit(buyer, "5.00")

    assert isinstance(await shop.fund(buyer, "5.00"), Accepted)


async def test_before_the_commit_everybody_is_tried_again(shop: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    buyer = await shop.prepaid_buyer()
    troubles = [ConnectionResetError() for _ in range(3)]

    async def write_or_fail(*arguments: Any, **named: Any) -> None:  # noqa: ANN401 - passed on as they come
        if troubles:
            raise troubles.pop()
        await apply(*arguments, **named)

    monkeypatch.setattr("tallystick.store.ledger.group_commits.apply", write_or_fail)

    assert await shop.perform(CancelToken(buyer.spending, shop.party_id)) == Done()
    assert not troubles


async def test_a_database_that_stays_away_is_an_error(shop: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    buyer = await shop.prepaid_buyer()
    tries = []

    async def fail(*_arguments: Any, **_named: Any) -> None:  # noqa: ANN401 - passed on as they come
        tries.append(1)
        raise ConnectionRefusedError

    monkeypatch.setattr("tallystick.store.ledger.group_commits.apply", fail)
    commands = [CancelToken(token, shop.party_id) for token in (buyer.spending, buyer.money)]
    answers = await asyncio.gather(*(shop.perform(command) for command in commands), return_exceptions=True)

    assert [type(answer) for answer in answers] == [ConnectionRefusedError, ConnectionRefusedError]
    assert len(tries) == 5  # the group is retried, not each command by itself
