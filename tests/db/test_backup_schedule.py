"""When base backups are made, and which of them are kept: by the calendar, on a clock that the tests move."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given, settings
from tests.stories.conftest import free_port

from tallystick.db.backup.base import forget_old
from tallystick.db.backup.log import segments
from tallystick.db.backup.place import FORMAT, BackupPlace, Base, Label
from tallystick.db.backup.restore import choose_base
from tallystick.db.backup.schedule import AGAIN_AFTER, Schedule
from tallystick.db.backup.source import Address, BackupError, BackupSource, open_source
from tallystick.db.embedded.server import EmbeddedPostgres

START = datetime(2026, 11, 29, 10, 30, tzinfo=UTC)
DAY = timedelta(days=1)
SEGMENT_BYTES = 4 << 20
WATCH = timedelta(hours=6)
"""The log has a piece for each."""


def segment_name(number: int) -> str:
    per_log = (1 << 32) // SEGMENT_BYTES
    return f"00000001{number // per_log:08X}{number % per_log:08X}"


def base_at(watch: int) -> Base:
    """A base backup that began so many watches after the start."""
    began = START + watch * WATCH
    name = f"{began:%Y%m%dT%H%M%SZ}"
    return Base(name, began, began + timedelta(minutes=10), segment_name(1 + watch), 1)


@contextmanager
def place_with(bases: list[Base], watches: int) -> Iterator[BackupPlace]:
    """A directory of backups, and the log of so many watches."""
    with tempfile.TemporaryDirectory() as name:
        place = BackupPlace(Path(name))
        label = Label(FORMAT, "7", 18, SEGMENT_BYTES, "postgres", "tallystick")
        (place.directory / "backups.json").write_bytes(msgspec.json.encode(label))
        place.log.mkdir()
        for base in bases:
            place.path_of(base).mkdir(parents=True)
            (place.bases / f"{base.name}.json").write_bytes(msgspec.json.encode(base))
        for number in range(watches + 2):
            partial = ".partial" if number == watches + 1 else ""
            (place.log / f"{segment_name(number)}{partial}").touch()
        yield place


def restorable(place: BackupPlace, moment: datetime) -> Base | None:
    try:
        return choose_base(place.list_bases(), moment)
    except BackupError:
        return None


@settings(max_examples=40, deadline=None)
@given(
    begun=st.sets(st.integers(0, 60), min_size=1, max_size=8), keep_days=st.integers(1, 20), later=st.integers(1, 60)
)
def test_any_moment_that_is_kept_is_restored_from_the_same_backup_as_before(
    begun: set[int], keep_days: int, later: int
) -> None:
    bases = [base_at(watch) for watch in sorted(begun)]
    until = max(begun) + later
    now, keep = START + until * WATCH, keep_days * DAY
    moments = [now - keep + number * WATCH for number in range(4 * keep_days + 1)]
    with place_with(bases, until) as place:
        before = [restorable(place, moment) for moment in moments]
        gone = forget_old(place, keep, now)

        left = place.list_bases()
        assert [restorable(place, moment) for moment in moments] == before
        assert sorted([*gone, *left], key=lambda base: base.finished_at) == bases
        assert left[-1] == bases[-1], "the newest stays, however old it is"
        assert len([base for base in left if base.finished_at <= now - keep]) <= 1, (
            "one is enough for the oldest moment"
        )
        assert [place.path_of(base).exists() for base in gone] == [False] * len(gone)
        kept = [segment.name for segment in segments(place.log, SEGMENT_BYTES)]
        first = int(left[0].first_segment, 16) & 0xFFFF  # no test gets as far as the next 1,024
        assert kept == [segment_name(number) for number in range(first, until + 2)], (
            "the log from the first backup on stays, nothing before"
        )
        assert forget_old(place, keep, now) == []


@dataclass
class Calendar:
    """A schedule of a backup a day, kept for one, its clock, and by how much the server's is off."""

    schedule: Schedule
    place: BackupPlace
    now: datetime = START
    beside: int = 0
    server_off: timedelta = timedelta(0)

    async def at(self, moment: timedelta) -> list[str]:
        """Look at it, so long after the start; the backups that are there then."""
        self.now = START + moment
        await self.schedule.step()
        return [base.name for base in self.place.list_bases()]


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    directory = Path(tempfile.mkdtemp())  # the server runs as a user of its own, who may enter this one alone
    try:
        with EmbeddedPostgres(directory) as running:
            yield running
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
async def calendar(server: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Calendar]:
    source, place = await open_source(server.admin_dsn), BackupPlace(tmp_path / "backups")
    with place.only_us():
        place.prepare(source)

        async def beside() -> None:
            made.beside += 1

        async def server_time() -> datetime:
            return made.now + made.server_off

        made = Calendar(Schedule(source, place, DAY, DAY, lambda: made.now, beside, server_time), place)
        yield made


async def test_a_backup_a_day_and_those_of_the_last_day_are_kept(
    calendar: Calendar, caplog: pytest.LogCaptureFixture
) -> None:
    hour = timedelta(hours=1)
    days = [f"{START + number * DAY:%Y%m%dT%H%M%SZ}" for number in range(5)]
    assert await calendar.at(timedelta(0)) == days[:1]
    assert await calendar.at(DAY - hour) == days[:1]
    assert await calendar.at(DAY) == days[:2]
    assert await calendar.at(DAY) == days[:2]
    assert await calendar.at(2 * DAY) == days[1:3], "a moment of a day ago needs the second"
    assert calendar.beside == 5

    calendar.server_off = -DAY  # our clock jumps ahead
    assert await calendar.at(3 * DAY) == days[1:4], "nothing is deleted by a clock that the server does not share"
    assert "no old backup is deleted: our clock is +86400 s off the server's" in caplog.text
    calendar.server_off = timedelta(0)  # it is set right
    assert await calendar.at(2 * DAY + hour) == days[1:4], "what was made meanwhile is no reason for another one"
    assert calendar.place.list_bases()[-1].started_at > calendar.now


async def test_backups_of_a_clock_that_was_ahead_are_followed_by_one_and_no_more(calendar: Calendar) -> None:
    ahead = await calendar.at(40 * DAY)
    both = await calendar.at(timedelta(0))
    assert sorted(both) == sorted([f"{START:%Y%m%dT%H%M%SZ}", *ahead])
    assert await calendar.at(timedelta(hours=1)) == both


async def unreachable(source: BackupSource) -> BackupSource:
    return replace(source, address=Address.of(f"postgresql://nobody@127.0.0.1:{free_port()}/none"))


async def test_what_fails_is_told_and_tried_again_a_while_later(
    calendar: Calendar, caplog: pytest.LogCaptureFixture
) -> None:
    works = calendar.schedule.source
    calendar.schedule.source = await unreachable(works)
    with caplog.at_level(logging.ERROR, "tallystick.db.backup.schedule"):
        assert await calendar.at(timedelta(0)) == []
    assert "no backup could be made: pg_basebackup failed" in caplog.text
    calendar.schedule.source = works
    assert await calendar.at(AGAIN_AFTER - timedelta(seconds=1)) == []
    assert len(await calendar.at(AGAIN_AFTER)) == 1
    assert not list(calendar.place.bases.glob("*.new"))


async def test_a_gap_in_the_log_makes_a_new_backup_at_once(calendar: Calendar, server: EmbeddedPostgres) -> None:
    assert len(await calendar.at(timedelta(0))) == 1
    (base,) = calendar.place.list_bases()
    first = int(base.first_segment, 16)
    for number in (first, first + 1):
        (calendar.place.log / f"{number:024X}").touch()
    assert len(await calendar.at(timedelta(hours=1))) == 1
    (calendar.place.log / f"{first + 3:024X}").touch()  # without the one before it
    connection = await asyncpg.connect(server.admin_dsn)
    await connection.execute("SELECT pg_switch_wal()")  # the next base begins in another piece
    for _ in range(3):
        await connection.execute("SELECT pg_logical_emit_message(false, 'backup', 'a line'), pg_switch_wal()")
    await connection.close()
    assert len(await calendar.at(timedelta(hours=2))) == 2
    assert len(await calendar.at(timedelta(hours=3))) == 2, "the log of the newest has no gap"
