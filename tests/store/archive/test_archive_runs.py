"""Archive runs: what happens meanwhile, and how they end."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from tests.store.past import Past, accepted, figure, paid_through, pay_other
from tests.support.books import OpenBooks

from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.store.archive import archive as archiving
from tallystick.store.archive import check
from tallystick.store.archive.archive import AlreadyRunningError
from tallystick.store.archive.files import Manifest, WrittenBatch, read_manifest, write_batch
from tallystick.store.ledger.verify import verify
from tallystick.store.queries import figures
from tallystick.store.queries.figures import Sum

pytest.importorskip("pyarrow")


async def test_figures_of_a_console_wait_until_who_is_at_them_is_done(past: Past) -> None:
    book_id = past.shop.book_id
    await figures.catch_up(past.pool, (book_id,), past.shop.clock(), commits=0)
    async with past.pool.acquire() as worker:
        adding_up = worker.transaction()
        await adding_up.start()
        await worker.execute("SELECT FROM figure_state WHERE book_id = $1 FOR UPDATE", book_id)
        run = asyncio.create_task(past.archive())
        await asyncio.wait((run,), timeout=1)
        assert not past.root.exists(), "nothing leaves before"
        await adding_up.rollback()
    assert await run

    assert await figure(past, past.shop, "charged") == Sum(12, 24_000_000)


async def test_nothing_is_lost_when_files_cannot_be_written(past: Past) -> None:
    past.root.parent.mkdir(exist_ok=True)
    past.root.write_text("in the way")
    before = (await verify(past.pool)).transactions
    with pytest.raises(OSError, match="archive"):
        await past.archive()
    assert (await verify(past.pool)).transactions == before

    past.root.unlink()
    await past.archive()
    await past.assert_proven()


async def test_a_batch_that_was_written_but_never_committed_is_written_again(past: Past) -> None:
    await past.archive(maximum=5)
    book = past.root / f"book-{past.shop.book_id}"
    shutil.copytree(book / "000002", book / "000005")
    assert any("no batch that the books know of" in problem for problem in (await past.checked()).problems)
    past.shop.clock.forward(days=30)
    await past.archive()

    await past.assert_proven()


async def test_payments_and_refunds_go_on_while_history_leaves(past: Past) -> None:
    shop = past.shop
    buyer = await shop.funded_buyer("20.00", limit="25.00")

    async def trade() -> list[Outcome]:
        return [await shop.pay(buyer, "0.05") for _ in range(60)] + [await shop.refund(past.charge, "0.01")]

    *_, outcomes = await asyncio.gather(past.archive(maximum=3), trade())

    assert all(isinstance(outcome, Accepted) for outcome in outcomes[:-1])
    assert await shop.balance(buyer) == parse_amount("17.00")
    await past.assert_proven()


async def test_only_one_archives_at_a_time(past: Past) -> None:
    async with past.running(maximum=5) as run:
        await anext(run)
        with pytest.raises(AlreadyRunningError):
            await past.archive()
    await past.archive()
    await past.assert_proven()


async def test_a_check_does_not_mind_a_run_that_goes_on(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    async with past.running(maximum=5) as run:
        first = (await anext(run)).directory
        second, draft = first.with_name("000002"), first.with_name(".000002.0123abcd")
        shutil.copytree(first, draft)

        def read(directory: Path) -> tuple[Manifest, bytes]:
            draft.rename(second)
            return read_manifest(directory)

        monkeypatch.setattr(check, "read_manifest", read)
        assert (await past.checked()).problems == []


async def test_a_run_that_lost_its_lock_goes_on_behind_what_another_one_has_moved(past: Past) -> None:
    async with past.running(maximum=5) as run, past.running(maximum=5) as other:
        moved = [await anext(run)]
        await past.pool.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            "   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        moved.append(await anext(other))
        moved += [batch async for batch in run]
        moved += [batch async for batch in other]

    assert len({batch.directory for batch in moved}) == len(moved) == 5
    assert (await past.checked()).batches == 5
    await past.assert_proven()


async def test_the_directories_that_name_a_batch_are_on_disk_too(
    past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut may lose not only the file: a new directory's entry in its parent must be synced as well."""
    flushed = set()

    def fsync(descriptor: int) -> None:
        flushed.add(os.fstat(descriptor).st_ino)

    past.root = tmp_path / "of" / "tallystick" / "archive"
    monkeypatch.setattr(os, "fsync", fsync)
    await past.archive()

    books = list(past.root.glob("book-*"))
    above = [tmp_path, tmp_path / "of", tmp_path / "of" / "tallystick", past.root, *books]
    assert {directory.stat().st_ino for directory in above} <= flushed


async def test_whoever_lost_its_session_while_it_wrote_replaces_nothing(past: Past) -> None:
    def write(tables: Mapping[str, list[asyncpg.Record]]) -> WrittenBatch:
        return write_batch(past.root, past.shop.book_id, 1, None, "2027-01-01", tables, {})

    class Slow(Mapping[str, list[asyncpg.Record]]):
        """An archive without tables: while it writes, another run finishes the batch of the same number."""

        def __getitem__(self, name: str) -> list[asyncpg.Record]:
            raise KeyError(name)

        def __len__(self) -> int:
            return 0

        def __iter__(self) -> Iterator[str]:
            written.append(write({}))
            return iter(())

    written: list[WrittenBatch] = []
    with pytest.raises(OSError, match=r"No such file|not empty"):
        write(Slow())
    (batch,) = written
    assert read_manifest(batch.directory)[1] == batch.digest


async def test_what_a_run_had_to_leave_is_told_although_nobody_needs_it_any_more(past: Past) -> None:
    book_id = past.shop.book_id
    await past.pool.execute("UPDATE book SET notification_url = 'https://x.example/' WHERE book_id = $1", book_id)
    told = accepted(await past.shop.pay(past.prepaid, "0.20"))
    state = "UPDATE outbox SET state = $2 WHERE subject_id = $1"
    await past.pool.execute(state, told, "delivered")
    past.shop.clock.forward(days=30)
    async with past.running(maximum=5) as run:
        await anext(run)
        await past.pool.execute(state, told, "waiting")  # it is sent again
        assert [moved async for moved in run]
    await past.pool.execute(state, told, "delivered")

    before = past.shop.clock() - timedelta(days=20)
    assert await archiving.held_back(past.pool, before) == [(book_id, past.shop.clock() - timedelta(days=30))]
    await past.archive()
    assert await archiving.held_back(past.pool, before) == []


async def test_a_book_that_is_opened_meanwhile_holds_nothing_back(past: Past, open_shop: OpenBooks) -> None:
    class Slow:
        """The database, but after the first read a new seller is opened and paid."""

        paid = False

        async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
            rows: list[asyncpg.Record] = await past.pool.fetch(query, *arguments)
            if not self.paid:
                self.paid = True
                _, token, buyer = await paid_through(past, open_shop, "20.00")
                accepted(await pay_other(past.shop, buyer, token))
            return rows

        async def fetchval(self, query: str, *arguments: object) -> object:
            return await past.pool.fetchval(query, *arguments)

    await past.archive()
    before = past.shop.clock() - timedelta(days=20)
    assert await archiving.held_back(Slow(), before) == []  # type: ignore[arg-type]
