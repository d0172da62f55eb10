"""Which notifications are due: in order, and found at a cost that does not grow with how many wait."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.store.queries.test_authorization_history import scanned
from tests.support.books import OpenBooks

from tallystick.db.connections import Pool
from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId
from tallystick.store.records import outbox

PER_BOOK = 32
BEGINNING = datetime.min.replace(tzinfo=UTC)
NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
BOOK = BookId(7)
GONE = "https://a.example/"
WAIT = """
WITH event AS (
    SELECT 'T' || lpad(number::text, 6, '0') AS subject, step,
           $2::timestamptz - interval '2 hours' + number * interval '1 second' AS moment
      FROM generate_series(1, $3::int) AS number, generate_series(1, 2) AS step)
INSERT INTO outbox (book_id, event_id, kind, subject_id, occurred_at, state, destination, announced_at, due_at)
SELECT $1, subject || '-' || step, 'TransactionStatus', subject, moment, 'waiting', 'https://a.example/', moment, moment
  FROM event
"""


async def test_a_backlog_does_not_make_each_look_dearer(own_pool: Pool) -> None:
    """Neither with statistics from before the backlog, as after a burst or a crash, nor with fresh ones.

    Nor when all of it is for a receiver that is not to be asked now.
    """
    due = load_statements("outbox.sql", "tallystick.store.records")["due"]
    async with own_pool.acquire() as connection:
        await connection.execute(WAIT, BOOK, NOW, 3_000)
        for without, most_rows in (([], 500), ([GONE], 1_500)) * 2:
            plan = await connection.fetchval(
                f"EXPLAIN (ANALYZE, FORMAT JSON) {due}", BOOK, NOW, without, PER_BOOK, BEGINNING, "", 1_000
            )
            assert scanned(json.loads(plan)[0]["Plan"]) <= most_rows, plan
            await connection.execute("ANALYZE outbox")


async def test_what_waits_behind_a_backlog_that_cannot_go_has_its_turn(
    own_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_LOOKED_AT", 10)
    cursors: outbox.DueCursors = {}
    await own_pool.execute(WAIT, BOOK, NOW, 20)  # two of each: 40 events, of which 10 are looked at
    await own_pool.execute(
        "UPDATE outbox SET destination = 'https://b.example/' WHERE subject_id IN ('T000019', 'T000020')"
    )

    async def look(*without: str) -> list[str]:
        found = await outbox.due(own_pool, NOW, without, per_book=2, maximum=10, cursors=cursors)
        return [event.event_id for event in found]

    looks = [await look(GONE) for _ in range(3)]
    assert looks == [[], [], ["T000019-1", "T000020-1"]]
    assert await look(GONE) == looks[-1]  # the next look need not go all the way again
    assert await look() == ["T000001-1", "T000002-1"]  # who can be asked again comes first again

    await own_pool.execute("UPDATE outbox SET state = 'delivered' WHERE destination = 'https://b.example/'")
    assert [await look(GONE) for _ in range(5)] == [[]] * 5
    assert await look() == ["T000001-1", "T000002-1"]


async def test_an_event_waits_for_the_earlier_ones_of_its_subject_alone(own_pool: Pool, open_shop: OpenBooks) -> None:
    await own_pool.execute(WAIT, (await open_shop(own_pool)).book_id, NOW, 3)
    first = await outbox.due(own_pool, NOW, (), per_book=10, maximum=10)
    assert [event.event_id for event in first] == ["T000001-1", "T000002-1", "T000003-1"]

    async with own_pool.acquire() as connection:
        sent = await outbox.claim(connection, first[0], NOW + timedelta(minutes=1))
        sending = await outbox.claim(connection, first[1], NOW + timedelta(minutes=1))
        given_up = await outbox.claim(connection, first[2], NOW + timedelta(minutes=1))
    assert sent is not None
    assert sending is not None
    assert given_up is not None
    await outbox.mark_delivered(own_pool, sent, NOW)
    await outbox.end(own_pool, given_up, outbox.DEAD, "no answer")

    then = await outbox.due(own_pool, NOW, (), per_book=10, maximum=10)
    assert [event.event_id for event in then] == ["T000001-2", "T000003-2"]
