"""Payouts held against statements of the operator's bank: what arrived, what came back, its fees, and what is off.

A statement is given first, which changes nothing, and booked then. Whoever books one that was booked, or one with days
that another one had, books nothing twice: each entry is known by what the bank says of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as with_other
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec
import structlog
from msgspec.structs import replace

from tallystick.domain.banking.arrivals import (
    ArrivalDeed,
    BankFinding,
    BankFindingKind,
    Passed,
    PayoutStanding,
    deeds_of,
    finding_of,
)
from tallystick.domain.banking.bank_statements import BankEntry, BankStatement
from tallystick.domain.environments import LIVE
from tallystick.domain.ids import BookId, TransactionId
from tallystick.domain.money import display_amount
from tallystick.processors.statements.lines import NO_REFERENCE, is_an_id
from tallystick.processors.statements.reading import MAX_BYTES, StatementError, read_statements
from tallystick.services.operations import audit
from tallystick.services.payouts import bank_fees, desk
from tallystick.store.ledger.create_book import operator_book
from tallystick.store.payouts import statements
from tallystick.store.payouts.statements import BankReport, GivenStatement, NamedPayout, PassedEntry

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = [
    "MAX_BYTES",
    "BankOutlook",
    "GivenStatement",
    "PassedEntry",
    "StatementError",
    "book",
    "find",
    "give",
    "latest",
    "of_payout",
    "outlook",
    "take_in",
]

TAKES: Final = timedelta(days=3)
"""How long a bank may take to carry out what people said was sent."""

_CAME_BACK: Final = "The bank sent it back"
_NOTHING: Final = BankReport(0, 0, 0, 0, ())
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BankOutlook:
    """What booking a statement would do now: payouts that it lets arrive and come back, fees, what would be off."""

    arriving: tuple[TransactionId, ...]
    returning: tuple[TransactionId, ...]
    fees_micros: int
    findings: tuple[BankFinding, ...]

    @property
    def unexplained_micros(self) -> int:
        """How far the bank and the books would be apart."""
        return sum(finding.unexplained_micros for finding in self.findings)


@dataclass(frozen=True, slots=True)
class _Place:
    """The operator's book in an environment."""

    book_id: BookId
    environment: str


@dataclass(frozen=True, slots=True)
class _Matched:
    """The entries of a statement, each with the payout that it belongs to, and the payouts as the books have them."""

    entries: Sequence[tuple[BankEntry, TransactionId | None]]
    payouts: Mapping[TransactionId, NamedPayout]
    passed: Mapping[TransactionId, Passed]


async def give(service: Service, actor: Actor, environment: str, content: bytes, name: str) -> list[GivenStatement]:
    """Take in all statements of a file, to be looked at; nothing is booked. Audited. Raises StatementError."""
    given = await take_in(service, environment, content, name)
    for one in given:
        await audit.record(service.pool, actor, "bank.look", one.name, environment=environment, at=service.clock())
    return given


async def take_in(service: Service, environment: str, content: bytes, name: str) -> list[GivenStatement]:
    """The same for somebody who books them at once, which is audited. Raises StatementError."""
    found = await asyncio.to_thread(read_statements, content, name)
    expected = service.settings.payout_sender_iban
    for one in found:
        if environment == LIVE and expected is not None and one.account and one.account != expected:
            raise StatementError(f"it is of the account {one.hint}; payouts leave from another one")
    place = await _place(service, environment)
    for one in found:
        await statements.give(service.pool, place.book_id, _as_given(one, service.clock()))
    kept = [await statements.find(service.pool, place.book_id, _digest(one)) for one in found]
    return [one for one in kept if one is not None]


async def find(service: Service, environment: str, statement_id: str) -> GivenStatement | None:
    """One that was given; None: there is none of this id."""
    place = await _place(service, environment)
    return await statements.find(service.pool, place.book_id, statement_id)


async def latest(service: Service, environment: str, maximum: int) -> list[GivenStatement]:
    """The last given first."""
    place = await _place(service, environment)
    return await statements.latest(service.pool, place.book_id, maximum)


async def of_payout(service: Service, environment: str, payout: TransactionId) -> list[PassedEntry]:
    """What statements that were booked say of a payout."""
    place = await _place(service, environment)
    return await statements.of_payout(service.pool, place.book_id, payout)


async def outlook(service: Service, environment: str, given: GivenStatement) -> BankOutlook:
    """What booking it would do; nothing is changed."""
    place = await _place(service, environment)
    matched = await _match(service, place, given)
    deeds = {name: deeds_of(one.payout, matched.passed[name]) for name, one in matched.payouts.items()}
    doing = {name for name, those in deeds.items() if those}
    repeated = await bank_fees.repeated_in(service, place.book_id, given)
    return BankOutlook(
        arriving=tuple(sorted(name for name, those in deeds.items() if ArrivalDeed.ARRIVED in those)),
        returning=tuple(sorted(name for name, those in deeds.items() if ArrivalDeed.CAME_BACK in those)),
        fees_micros=bank_fees.total(given.entries, but=repeated),
        findings=await _findings(service, place, given, matched, repeated, but=doing),
    )


async def book(
    service: Service, actor: Actor, environment: str, given: GivenStatement, another: Collection[str] = ()
) -> GivenStatement:
    """Tell the books what the statement says, once, and hold the rest against them; audited.

    `another`: ids of entries with fees that are booked although another statement seems to have had them.
    """
    began = service.clock()
    place = await _place(service, environment)
    matched = await _match(service, place, given)
    await statements.note(service.pool, place.book_id, given.statement_id, matched.entries)
    await bank_fees.book(service, place.book_id, given, another)
    references = {name: entry.reference for entry, name in matched.entries if name is not None}
    for name, one in sorted(matched.payouts.items()):
        for deed in deeds_of(one.payout, matched.passed[name]):
            await _tell(service, actor, name, deed, references[name])
    matched = await _match(service, place, given)  # as the books have it now, whoever else changed something meanwhile
    repeated = await bank_fees.repeated_in(service, place.book_id, given)
    findings = await _findings(service, place, given, matched, repeated)
    standings = [one.payout.standing for one in matched.payouts.values()]
    report = BankReport(
        arrived=standings.count(PayoutStanding.SENT),
        returned=standings.count(PayoutStanding.RETURNED),
        fees_micros=bank_fees.total(given.entries, but=repeated),
        unexplained_micros=sum(finding.unexplained_micros for finding in findings),
        findings=findings,
    )
    await statements.keep(service.pool, place.book_id, given.statement_id, report, began)
    details = {"unexplained": display_amount(report.unexplained_micros)}
    said = sorted({entry.entry_id for entry in given.entries} & set(another))
    if said:
        details["other_fees"] = " ".join(said)
    await audit.record(
        service.pool,
        actor,
        "bank.statement",
        given.name,
        environment=environment,
        details=details,
        at=service.clock(),
    )
    return with_other(given, booked_at=began, report=report)


async def _tell(service: Service, actor: Actor, name: TransactionId, deed: ArrivalDeed, reference: str) -> None:
    """Tell the books. What people said in the meantime stays, and is found when the statement is held against it."""
    payout = await desk.find(service, name)
    if payout is None:
        return
    try:
        if deed is ArrivalDeed.ARRIVED:
            await desk.mark_sent(service, actor, payout, None if reference == NO_REFERENCE else reference)
        else:
            await desk.mark_returned(service, actor, payout, f"{_CAME_BACK} ({reference})")
    except desk.PayoutStateError as error:
        _log.info("payout_not_as_the_bank_says", payout=name, deed=deed.value, reason=str(error))


async def _match(service: Service, place: _Place, given: GivenStatement) -> _Matched:
    """Find the payouts that entries name: by their ids, by the bank's reference, or all of a file."""
    ours = [entry for entry in given.entries if not entry.is_fee and entry.is_ours]
    named = await _payouts_named(service, place, {name for entry in ours for name in entry.names})
    files = await _files_named(service, place, {entry.message_id for entry in ours if entry.message_id})
    found: dict[TransactionId, NamedPayout] = {}
    entries: list[tuple[BankEntry, TransactionId | None]] = []
    for entry in given.entries:
        payout, in_file = None, []
        if not entry.is_fee and entry.is_ours:
            payout = next((named[name] for name in entry.names if name in named), None)
            in_file = files.get(entry.message_id or "", [])
        if payout is not None:
            entries.append((entry, payout.payout.transaction_id))
            found[payout.payout.transaction_id] = payout
        elif share := _whole_file(entry, in_file):
            for one in share:
                entries.append((_share(entry, one), one.payout.transaction_id))
                found[one.payout.transaction_id] = one
        else:
            entries.append((entry, None))
    ids = [entry.entry_id for entry, _ in entries]
    before = await statements.passed(service.pool, place.book_id, found.keys(), ids)
    passed = {name: before.get(name, Passed()) for name in found}
    for entry, name in entries:
        if name is not None:
            left, back = max(0, -entry.amount_micros), max(0, entry.amount_micros)
            passed[name] = Passed(passed[name].left_micros + left, passed[name].back_micros + back)
    return _Matched(entries, found, passed)


def _whole_file(entry: BankEntry, in_file: Sequence[NamedPayout]) -> Sequence[NamedPayout]:
    """The payouts of a file that an entry is for: all of them, or all but those that the bank did not take."""
    taken = [one for one in in_file if one.payout.standing is not PayoutStanding.NOT_SENT]
    for those in (in_file, taken):
        if those and sum(one.payout.amount_micros for one in those) == abs(entry.amount_micros):
            return those
    return ()


def _share(entry: BankEntry, one: NamedPayout) -> BankEntry:
    """What of an entry for a whole file is this payout's."""
    name, amount = one.payout.transaction_id, one.payout.amount_micros
    share = amount if entry.amount_micros > 0 else -amount
    return replace(entry, entry_id=f"{entry.entry_id}/{name}", amount_micros=share, fee_micros=0)


async def _payouts_named(service: Service, place: _Place, names: Iterable[str]) -> Mapping[str, NamedPayout]:
    """Payouts by what entries may call them; none by a reference that several share."""
    wanted = set(names)
    ids = {TransactionId(name.upper()): name for name in wanted if is_an_id(name.upper())}
    found = {
        ids[one.payout.transaction_id]: one
        for one in await statements.by_id(service.pool, place.environment, ids.keys())
    }
    shared: dict[str, list[NamedPayout]] = {}
    for one in await statements.by_bank_reference(service.pool, place.environment, wanted - ids.keys()):
        shared.setdefault(one.bank_reference or "", []).append(one)
    return {name: those[0] for name, those in shared.items() if len(those) == 1} | found


async def _files_named(service: Service, place: _Place, files: set[str]) -> Mapping[str, list[NamedPayout]]:
    found: dict[str, list[NamedPayout]] = {}
    for one in await statements.of_files(service.pool, place.environment, files):
        found.setdefault(one.message_id or "", []).append(one)
    return found


async def _findings(
    service: Service,
    place: _Place,
    given: GivenStatement,
    matched: _Matched,
    repeated: Iterable[BankEntry],
    but: Iterable[TransactionId] = (),
) -> tuple[BankFinding, ...]:
    """What does not agree, but of payouts for which something is to be done still, and fees that are there twice."""
    found = [bank_fees.finding_of(entry) for entry in repeated]
    found += [
        _unknown(entry) for entry, name in matched.entries if name is None and not (entry.is_fee and entry.is_ours)
    ]
    last = {name: entry.day for entry, name in sorted(matched.entries, key=lambda one: one[0].day) if name is not None}
    for name in matched.payouts.keys() - set(but):
        finding = finding_of(matched.payouts[name].payout, matched.passed[name], last[name])
        if finding is not None:
            found.append(finding)
    found += await _only_here(service, place, given, matched)
    return tuple(sorted(found, key=lambda one: (one.day, one.kind.value, one.name)))


def _unknown(entry: BankEntry) -> BankFinding:
    kind = BankFindingKind.ONLY_THERE if entry.is_ours else BankFindingKind.OTHER_CURRENCY
    return BankFinding(kind, entry.reference, entry.day, -entry.amount_micros, 0)


async def _only_here(service: Service, place: _Place, given: GivenStatement, matched: _Matched) -> list[BankFinding]:
    """Payouts that people said were sent in the time of the statement, and that none has."""
    since, until = _midnight(given.first_day - TAKES), _midnight(given.last_day + timedelta(days=1))
    sent = await statements.sent_between(service.pool, place.environment, since, until)
    missing = {one.payout.transaction_id: one.payout for one in sent}
    seen = await statements.seen(service.pool, place.book_id, missing.keys())
    recent = given.last_day - TAKES
    return [
        BankFinding(
            BankFindingKind.NOT_YET if payout.day > recent else BankFindingKind.ONLY_HERE,
            name,
            payout.day,
            0,
            payout.amount_micros,
        )
        for name, payout in missing.items()
        if name not in seen and name not in matched.payouts
    ]


def _as_given(statement: BankStatement, now: datetime) -> GivenStatement:
    return GivenStatement(
        statement_id=_digest(statement),
        name=statement.name,
        account=statement.hint,
        first_day=statement.first_day,
        last_day=statement.last_day,
        entries=statement.entries,
        given_at=now,
        booked_at=None,
        report=_NOTHING,
    )


def _digest(statement: BankStatement) -> str:
    return sha256(msgspec.json.encode(statement)).hexdigest()[:32]


async def _place(service: Service, environment: str) -> _Place:
    async with service.pool.acquire() as connection:
        return _Place(await operator_book(connection, environment, service.clock()), environment)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
