"""Chains of the audit log and of what was agreed to: made, anchored in the log file, proved, exported."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog

from tallystick.store.chains import heads
from tallystick.store.chains import records as chained
from tallystick.store.chains.chain_record import OPERATOR, chain_of_seller
from tallystick.store.chains.check import MAX_PROBLEMS, Anchors, ChainReport
from tallystick.store.chains.check import check as check_chains
from tallystick.store.chains.links import chain_some
from tallystick.store.chains.records import Kind
from tallystick.store.records import verification_runs

if TYPE_CHECKING:
    from tallystick.db.connections import Pool
    from tallystick.domain.ids import PartyId
    from tallystick.services.context import Service
    from tallystick.store.chains.chain_record import ChainRecord

__all__ = [
    "AUDIT_LOG_CHECK",
    "CHECKS",
    "Anchors",
    "ChainProof",
    "ChainReport",
    "anchor",
    "anchor_all",
    "chain_waiting",
    "check_chains",
    "export",
    "is_chain",
    "last_proof",
    "read_anchors",
    "waiting",
]

AUDIT_LOG_CHECK: Final = "audit_log_is_whole"
CHECKS: Final[Mapping[Kind, str]] = {Kind.ENTRY: AUDIT_LOG_CHECK, Kind.AGREEMENT: "agreements_are_whole"}
"""The checks of `tallystick verify` that the chains are."""

MOVED_EVERY: Final = timedelta(minutes=10)
"""How often the log file is told of a chain that grows."""

STILL_EVERY: Final = timedelta(days=7)
"""How often it is told of one that does not: log files are thrown away one day."""

_AT_ONCE: Final = 200
_STEPS_OF_A_PASS: Final = 40
_EVENT: Final = "audit_anchor"
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
_LEVEL: Final = re.compile(r"\[(debug|info|warning|error|critical)\s*\] ")
_TEXT: Final = re.compile(
    rf"{_EVENT}\s+chain=(?P<chain>[a-z]+(?:-\d+)?) digest=(?P<digest>[0-9a-f]{{64}}) sequence=(?P<sequence>\d+)\s*"
)

_log = structlog.get_logger(__name__)


async def chain_waiting(service: Service) -> int:
    """Chain what is not chained yet; how many records. Goes on at the next pass where there is much."""
    done = 0
    for _ in range(_STEPS_OF_A_PASS):
        if not await chained.any_waits(service.pool):
            break
        step = await chain_some(service.pool, service.clock())
        done += step
        if not step:  # another process is at it
            break
    return done


async def anchor(service: Service, *, moved_every: timedelta = MOVED_EVERY, always: str | None = None) -> int:
    """Tell the log file the ends of chains that moved `moved_every` ago, or stood still for a week; how many.

    A line ``audit_anchor`` for each, with chain, place and digest, as far as lines of level info are logged: what
    nobody would see does not count as told.
    """
    if service.settings.log_level not in {"debug", "info"}:
        return 0
    now = service.clock()
    async with heads.to_anchor(
        service.pool,
        now,
        maximum=_AT_ONCE,
        moved_before=now - moved_every,
        still_before=now - STILL_EVERY,
        always=always,
    ) as ends:
        for end in ends:
            _log.info(_EVENT, chain=end.chain, sequence=end.sequence, digest=end.digest.hex())
    return len(ends)


async def anchor_all(service: Service) -> int:
    """Tell the log file of all chains that moved since it was told last, and of the operator's in any case."""
    return await anchor(service, moved_every=timedelta(0), always=OPERATOR)


def read_anchors(lines: Iterable[str]) -> dict[str, dict[int, frozenset[str]]]:
    """The ends of chains that a log file names, whichever form its lines have; other lines are passed by.

    What comes before our part of a line, such as the name of a host, is left out. A text that somebody made us log
    never passes for an anchor: in the JSON form it is a text within the line, in the other one it stands after the
    level of its own line.
    """
    found: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for line in lines:
        if _EVENT not in line:
            continue
        told = _from_json(line) or _from_text(line)
        if told is not None:
            chain, sequence, digest = told
            found[chain][sequence].add(digest)
    return {chain: {place: frozenset(digests) for place, digests in places.items()} for chain, places in found.items()}


def _from_json(line: str) -> tuple[str, int, str] | None:
    try:
        begin = line.index("{")
        if _LEVEL.search(_COLOURS.sub("", line[:begin])):  # it is a line of the other form, which quotes something
            return None
        told: Any = json.loads(line[begin:])
        if told["event"] != _EVENT or not is_chain(told["chain"]):
            return None
        return told["chain"], int(told["sequence"]), str(told["digest"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _from_text(line: str) -> tuple[str, int, str] | None:
    plain = _COLOURS.sub("", line)
    level = _LEVEL.search(plain)
    told = None if level is None else _TEXT.fullmatch(plain, level.end())
    if told is None or not is_chain(told["chain"]):
        return None
    return told["chain"], int(told["sequence"]), told["digest"]


def is_chain(text: str) -> bool:
    """Whether a chain may have this name."""
    try:
        chained.number_in(text)
    except ValueError:
        return False
    return True


async def waiting(pool: Pool) -> int:
    """How many records are not chained yet."""
    return sum([(await chained.waiting(pool, kind))[0] for kind in Kind])


async def export(pool: Pool, chain: str | None = None) -> AsyncIterator[dict[str, Any]]:
    """All that is chained, or one chain, as JSON values that need nothing of ours to be proved: docs/operating.md.

    Raises ValueError: no chain has such a name.
    """
    wanted: list[tuple[Kind, int | None]] = (
        [(kind, None) for kind in Kind] if chain is None else [chained.number_in(chain)]
    )
    for kind, only in wanted:
        async for records in chained.pages(pool, kind, only):
            for record in records:
                yield _exported(record)


def _exported(record: ChainRecord) -> dict[str, Any]:
    return {
        "content": record.content,
        "digest": record.digest.hex(),
        "erasable": {
            part.name: {"value": part.value, "salt": None if part.salt is None else part.salt.hex()}
            for part in record.parts
        },
    }


@dataclass(frozen=True, slots=True)
class ChainProof:
    """When the chain of a log was last proved, and whether it was whole."""

    at: datetime
    whole: bool


async def last_proof(service: Service, business_id: PartyId | None = None) -> ChainProof | None:
    """The last proof of the audit log of a seller, or of all of it. None: it was never proved, or nobody can say.

    A proof that found very much is off names only a part of it.
    """
    run = await verification_runs.latest_result(service.pool)
    if run is None or run.report is None or run.finished_at is None:
        return None
    problems = next((check["problems"] for check in run.report["checks"] if check["name"] == AUDIT_LOG_CHECK), None)
    if problems is None:
        return None
    if business_id is None:
        return ChainProof(run.finished_at, not problems)
    own = re.compile(rf"{chain_of_seller(business_id)}[:,]")
    broken = any(own.match(problem) for problem in problems)
    return None if not broken and len(problems) >= MAX_PROBLEMS else ChainProof(run.finished_at, not broken)
