"""A database that was set back agrees with itself; the anchor, which lies outside, tells that something is missing."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.store.direct import taken
from tests.support.books import Books, OpenBooks

from tallystick.db.connections import Pool
from tallystick.domain.ids import BookId, TransactionId
from tallystick.services.operations.running_proof import prove_since_last
from tallystick.services.operations.verification import verify
from tallystick.services.process.anchor import anchor_file, anchored, read_anchor, write_anchor
from tallystick.settings import Settings
from tallystick.store.ledger import acknowledged

LOST = (
    "DELETE FROM transfer WHERE transaction_id = $1",
    "DELETE FROM answered_reference WHERE transaction_id = $1",
    "DELETE FROM transaction WHERE transaction_id = $1",
)
"""A payment of 1.00 that never was."""


async def lose(shop: Books, transaction_id: str, instrument: str) -> None:
    for statement in LOST:
        await shop.pool.execute(statement, transaction_id)
    for subject, delta in ((instrument, -1_000_000), ("", 1_000_000)):
        await shop.pool.execute(
            "UPDATE account SET balance_micros = balance_micros + $3"
            " WHERE book_id = $1 AND subject = $2 AND kind IN ('prepaid', 'sales')",
            shop.book_id,
            subject,
            delta,
        )


async def test_a_lost_end_is_noticed(own_pool: Pool, open_shop: OpenBooks, tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path)
    shop = await open_shop(own_pool)
    buyer = await shop.funded_buyer("10.00")
    async with anchored(settings, own_pool, shop.committer):
        last = taken(await shop.pay(buyer, "1.00"))
    assert (await verify(own_pool, settings)).problems == []

    await lose(shop, last, buyer.instrument)

    assert (await verify(own_pool)).problems == [], "the books by themselves are right"
    problems = (await verify(own_pool, settings)).problems
    assert len(problems) == 1
    assert problems[0].startswith(f"{acknowledged.NAME}: book {shop.book_id}: transaction {last} ")
    proof = await prove_since_last(own_pool, settings, shop.clock())
    assert proof is not None
    assert list(proof.problems) == problems


async def test_it_is_written_while_payments_go_on(own_pool: Pool, open_shop: OpenBooks, tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path)
    shop = await open_shop(own_pool)
    buyer = await shop.funded_buyer("10.00")
    identity = await acknowledged.identity(own_pool)
    async with anchored(settings, own_pool, shop.committer):
        first = taken(await shop.pay(buyer, "1.00"))
        async with asyncio.timeout(30):
            while read_anchor(anchor_file(settings), identity).get(shop.book_id) != first:  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.1)
        second = taken(await shop.pay(buyer, "1.00"))
    assert read_anchor(anchor_file(settings), identity)[shop.book_id] == second
    assert not shop.committer.acknowledged


def test_several_processes_write_one_anchor(tmp_path: Path) -> None:
    path = tmp_path / "acknowledged.json"
    book, other = BookId(1), BookId(2)
    write_anchor(path, "here", {book: TransactionId("B"), other: TransactionId("A")})
    write_anchor(path, "here", {book: TransactionId("A")})
    write_anchor(path, "there", {book: TransactionId("Z")})
    assert read_anchor(path, "here") == {book: "B", other: "A"}
    assert read_anchor(path, "there") == {book: "Z"}
    assert read_anchor(path, "elsewhere") == {}
    assert read_anchor(tmp_path / "nothing.json", "here") == {}


async def test_an_anchor_of_another_database_tells_nothing(own_pool: Pool, tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path)
    write_anchor(anchor_file(settings), "another cluster", {BookId(1): TransactionId("A")})
    assert (await verify(own_pool, settings)).problems == []


async def test_an_anchor_that_cannot_be_read_is_a_problem(own_pool: Pool, tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path)
    anchor_file(settings).write_bytes(b"{")
    problems = (await verify(own_pool, settings)).problems
    assert [problem.partition(":")[0] for problem in problems] == [acknowledged.NAME]


async def test_without_a_data_directory_nothing_is_kept(own_pool: Pool, open_shop: OpenBooks, tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path / "nowhere")
    shop = await open_shop(own_pool)
    async with anchored(settings, own_pool, shop.committer):
        await shop.funded_buyer("1.00")
    assert not (tmp_path / "nowhere").exists()
