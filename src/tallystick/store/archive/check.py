"""Prove an archive right: nothing changed, left out or added, and its sums are what the books carry for it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tallystick.db.connections import Pool
from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId
from tallystick.store.archive import movements
from tallystick.store.archive.archive import (
    REVERSAL,
    TOTALLED,
    WITHOUT_REFERENCE,
    Totals,
    balances_of,
    keep_references,
    totals_of,
)
from tallystick.store.archive.files import ArchiveError, Manifest, damaged, directory_of, read_manifest, rows
from tallystick.store.archive.movements import MovedOut, MovementKey, MovementSum, MovementSums

_SQL: Final = load_statements("archive.sql", __package__)
_TRANSFER: Final = ("book_id", "debit_account", "credit_account", "amount_micros")
_SPENT: Final = ("operation", "caller_reference", "transaction_id", "received_at")
_REFUND: Final = ("operation", "status", "original_id", "amount_micros", "sender_party_id", "refunded_micros")


@dataclass
class ArchiveReport:
    """What was read and what is off, in words."""

    batches: int = 0
    transactions: int = 0
    transfers: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass
class _Sums:
    balances: Counter[tuple[int, int]] = field(default_factory=Counter)
    totals: dict[tuple[int, str], Totals] = field(default_factory=dict)
    refunded: Counter[tuple[int, str]] = field(default_factory=Counter)
    refunds: Counter[tuple[int, str]] = field(default_factory=Counter)
    movements: dict[MovementKey, MovementSum] = field(default_factory=lambda: defaultdict(MovementSum))


async def known_batches(pool: Pool) -> list[tuple[BookId, int]]:
    """The batches that left the books, each by its book and its number there."""
    return [(BookId(row["book_id"]), row["number"]) for row in await pool.fetch(_SQL["batches"])]


async def check(pool: Pool, root: Path) -> ArchiveReport:
    """Read every batch that the books know of, in the order of each book's chain, and compare."""
    report, sums, on_disk = ArchiveReport(), _Sums(), _on_disk(root)
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        known = await connection.fetch(_SQL["batches"])
        balances = await connection.fetch(_SQL["carried_balances"])
        totals = await connection.fetch(_SQL["carried_totals"])
        live = await connection.fetch(_SQL["live_refunds"])
        kept = await movements.kept(connection)
    ends: dict[int, str | None] = defaultdict(lambda: None)
    for batch in known:
        book_id, directory = batch["book_id"], directory_of(root, BookId(batch["book_id"]), batch["number"])
        try:
            manifest, digest = read_manifest(directory)
        except ArchiveError as error:
            report.problems.append(str(error))
            continue
        found = list(damaged(directory, manifest))
        if digest != batch["digest"]:
            found.append(f"{directory}: the manifest is not the one that was written")
        elif manifest.previous != ends[book_id]:
            found.append(f"{directory}: does not follow the batch before it")
        ends[book_id] = batch["digest"].hex()
        report.batches += 1
        report.problems += found
        if not found:
            _add_up(report, sums, book_id, directory, manifest)
            report.problems += await _lost_references(pool, book_id, directory, manifest)
            if batch["is_summed"]:
                await _sum_movements(pool, sums, book_id, directory, manifest)
    sums.refunds.update({(row["book_id"], row["original_id"]): row["micros"] for row in live})
    known = await pool.fetch(_SQL["batches"])  # a run may have gone on meanwhile
    report.problems += _strangers(root, on_disk, {(row["book_id"], row["number"]) for row in known})
    if not report.problems:  # with a batch missing, sums say nothing more
        carried = Counter({(row["book_id"], row["account_id"]): row["balance_micros"] for row in balances})
        report.problems += _differences(
            sums,
            carried,
            {
                (row["book_id"], row["subject_id"]): Totals(
                    row["paid_micros"], row["refunded_micros"], row["other_micros"]
                )
                for row in totals
            },
        )
        report.problems += _other_movements(sums.movements, kept)
    return report


async def restore_references(pool: Pool, root: Path) -> int:
    """Have the references of all archived transactions be spent, as the archive knows them; of how many transactions.

    For archives that are older than the rule that they stay so. Doing it again changes nothing. Raises ArchiveError.
    """
    number = 0
    for batch in await pool.fetch(_SQL["batches"]):
        book_id = BookId(batch["book_id"])
        directory = directory_of(root, book_id, batch["number"])
        manifest, digest = read_manifest(directory)
        if digest != batch["digest"] or any(damaged(directory, manifest)):
            raise ArchiveError(f"{directory}: is not what was written; run: tallystick archive check")
        found = [dict(zip(_SPENT, row, strict=True)) for row in rows(directory, manifest, "transaction", _SPENT)]
        await keep_references(pool, book_id, found)
        number += len(found)
    return number


async def _lost_references(pool: Pool, book_id: int, directory: Path, manifest: Manifest) -> list[str]:
    """What somebody might pay with once more although it was paid with before."""
    found = rows(directory, manifest, "transaction", ("operation", "caller_reference"))
    spent = [reference for operation, reference in found if operation not in WITHOUT_REFERENCE]
    lost = await pool.fetch(_SQL["lost_references"], book_id, spent)
    if not lost:
        return []
    return [f"{directory}: {len(lost)} of its references are not kept as spent; run: tallystick archive references"]


def _add_up(report: ArchiveReport, sums: _Sums, book_id: int, directory: Path, manifest: Manifest) -> None:
    transfers = list(rows(directory, manifest, "transfer", _TRANSFER))
    sums.balances.update(balances_of(transfers))
    report.transfers += len(transfers)
    for subject, total in totals_of(rows(directory, manifest, "transaction", TOTALLED)).items():
        before = sums.totals.get((book_id, subject), Totals())
        sums.totals[book_id, subject] = Totals(
            before.paid_micros + total.paid_micros,
            before.refunded_micros + total.refunded_micros,
            before.other_micros + total.other_micros,
        )
    for transaction_id, micros in rows(directory, manifest, "transaction", ("transaction_id", "refunded_micros")):
        report.transactions += 1
        if micros:
            sums.refunded[book_id, transaction_id] = micros
    for operation, status, original_id, micros, sender_id, back in rows(directory, manifest, "transaction", _REFUND):
        of_buyer = sender_id is not None and operation in {"Refund", "RefundReversal"}
        gives_back = of_buyer or operation == "PayoutReturn"
        if gives_back and status == "Success":  # less what came back: the refund has failed after all
            sums.refunds[book_id, original_id] += micros - (back if operation == "Refund" else 0)


async def _sum_movements(pool: Pool, sums: _Sums, book_id: int, directory: Path, manifest: Manifest) -> None:
    moved = [MovedOut(*row) for row in rows(directory, manifest, "transfer", movements.TRANSFER)]
    operations = rows(directory, manifest, "transaction", ("transaction_id", "operation"))
    reversals = {transaction_id for transaction_id, operation in operations if operation == REVERSAL}
    kinds = await movements.kinds_of(pool, moved)
    for key, one in movements.movements_of(moved, kinds, book_id, reversals).items():
        sums.movements[key].add(one.number, one.amount_micros)


def _other_movements(found: MovementSums, kept: MovementSums) -> list[str]:
    """Months of which the books keep other sums than the archive's transfers come to."""
    off = {(key.book_id, key.month) for key in found.keys() | kept.keys() if found.get(key) != kept.get(key)}
    return [
        f"book {book_id}, {month:%Y-%m}: the archive's transfers sum to something else than what is kept for the month"
        for book_id, month in sorted(off)
    ]


def _differences(sums: _Sums, balances: Counter[tuple[int, int]], totals: dict[tuple[int, str], Totals]) -> list[str]:
    problems = []
    for account in sorted(sums.balances.keys() | balances.keys()):
        if sums.balances[account] != balances[account]:
            book_id, account_id = account
            problems.append(
                f"book {book_id}, account {account_id}: the archive's transfers sum to {sums.balances[account]},"
                f" the books carry {balances[account]}"
            )
    for subject in sorted(sums.totals.keys() | totals.keys()):
        if sums.totals.get(subject, Totals()) != totals.get(subject, Totals()):
            book_id, subject_id = subject
            problems.append(f"book {book_id}, {subject_id}: the books carry other totals than the archive has")
    for original in sorted(sums.refunded.keys() | sums.refunds.keys()):
        if sums.refunds[original] != sums.refunded[original]:
            book_id, transaction_id = original
            problems.append(
                f"book {book_id}, transaction {transaction_id}: {sums.refunded[original]} refunded, its refunds sum to"
                f" {sums.refunds[original]}"
            )
    return problems


def _on_disk(root: Path) -> list[Path]:
    """What should be a batch; a book that is none itself."""
    books = sorted(root.glob("book-*"))
    return [one for book in books for one in (sorted(book.iterdir()) if book.is_dir() else [book])]


def _strangers(root: Path, on_disk: list[Path], known: set[tuple[int, int]]) -> list[str]:
    """What is still on disk and no commit knows of: left over from a run that was broken off, or put there."""
    batches = {directory_of(root, BookId(book_id), number) for book_id, number in known}
    found = [one for one in on_disk if one not in batches and one.exists()]
    return [f"{one} belongs to no batch that the books know of" for one in found]
