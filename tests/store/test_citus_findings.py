"""What failed on a cluster of Citus, put back as it was: each rule refuses the statement that it was made for.

What the rules read in files and in the plan is not put back here: tests/db/test_distribution.py and
tests/db/test_duplicates.py ask for the cure itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.store.across_books import Schema, route
from tests.store.citus_rules import Place, catalogue, places, refused
from tests.store.node_tree import analysed
from tests.store.test_across_books import ROOT, STATEMENTS
from tests.store.test_citus_rules import unnamed_checks
from tests.store.transactions import Reader, read
from tests.support.owner import connection_of_owner

from tallystick.db import distribution
from tallystick.db.connections import Connection, Pool
from tallystick.db.migrate import FILES
from tallystick.db.sql_script import split_script
from tallystick.store.accounts.personal_data import STATEMENTS as ABOUT_PEOPLE

COLUMNS_OF_THEN = """
ALTER TABLE party ADD COLUMN failed_sign_ins integer NOT NULL DEFAULT 0, ADD COLUMN locked_until timestamptz;
ALTER TABLE web_session ADD CONSTRAINT web_session_party_id_fkey FOREIGN KEY (party_id) REFERENCES party;
"""

BEGIN_SIGN_IN = """
UPDATE party SET failed_sign_ins = failed_sign_ins + 1,
       locked_until = CASE WHEN failed_sign_ins + 1 >= $3::integer THEN $2::timestamptz
           + least($4::interval * 2 ^ least(failed_sign_ins + 1 - $3, 20), $5::interval) END
 WHERE party_id = $1 AND (locked_until IS NULL OR locked_until <= $2) RETURNING true
"""
MARK_SEEN = """
UPDATE web_session
   SET seen_at = $2::timestamptz, expires_at = least($2::timestamptz + $3::interval, began_at + $4::interval)
 WHERE session_key = $1
"""
ERASE_LETTERS = "DELETE FROM mail WHERE recipient = (SELECT email FROM party WHERE party_id = $1)"
TELL_PERSON = f"SELECT to_jsonb(part)::text AS told FROM ({ABOUT_PEOPLE['tell_person']}) AS part"  # noqa: S608 - ours


@pytest.fixture
async def then(pool: Pool) -> AsyncIterator[Connection]:
    """A connection with the tables of that time, as far as they matter; all of it is undone."""
    async with connection_of_owner(pool) as connection:
        undone = connection.transaction()
        await undone.start()
        for statement in split_script(COLUMNS_OF_THEN):
            await connection.execute(statement)
        yield connection
        await undone.rollback()


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (BEGIN_SIGN_IN, "timestamptz_pl_interval within CASE"),
        (MARK_SEEN, "timestamptz_pl_interval of a column: stable"),
        (ERASE_LETTERS, "= (SELECT …) of a table that is known to Citus, where one is changed that is not"),
        (TELL_PERSON, "a whole row of a query"),
    ],
    ids=["signing in", "sessions in use", "closing an account: letters", "an export"],
)
async def test_what_it_would_not_compute(statement: str, fault: str, then: Connection) -> None:
    if await distribution.is_distributed(then):
        pytest.skip("keys of that time cannot be put back on reference tables")
    assert (await places(then))["web_session"] is Place.ATTACHED
    assert fault in refused(await analysed(then, statement), await catalogue(then))


async def test_what_it_would_not_join(pool: Pool) -> None:
    mended = STATEMENTS["verify.transactions_moved_what_they_say"]
    as_it_was = mended
    for side in ("debit", "credit"):
        by_transaction = f"{side}.book_id = transaction.book_id AND {side}.account_id"
        assert by_transaction in as_it_was
        as_it_was = as_it_was.replace(by_transaction, f"{side}.book_id = off.book_id AND {side}.account_id")
    schema = Schema(await distribution.tables_of_books(pool), distribution.REFERENCE_TABLES)
    assert route(mended, schema)[1] == []
    assert route(as_it_was, schema)[1] == ["at the end: transaction, debit, credit are not joined by book_id"]


def test_what_it_would_not_change_after_several_books(tmp_path: Path) -> None:
    """Closing an account, without the setting with which its transaction begins now."""
    taking = "await take_one_connection(connection)"
    sent = {}
    for name, line in (("mended", taking), ("as it was", "pass")):
        root = tmp_path / name / ROOT.name
        for path in ("store/accounts/personal_data.py", "db/distribution.py"):
            text = (ROOT / path).read_text("utf-8")
            assert taking in text or "def take_one_connection" in text
            (root / path).parent.mkdir(parents=True)
            (root / path).write_text(text.replace(taking, line), "utf-8")
        sent[name] = dict(Reader(read(root)).transactions())["tallystick.store.accounts.personal_data.erase"]
    assert sent["mended"] - sent["as it was"] == {"db/distribution.one_connection"}
    assert "store/accounts/personal_data.erase_person" in sent["as it was"]


@pytest.mark.parametrize("number", ["0013", "0016"])
def test_checks_that_it_would_not_add(number: str) -> None:
    assert unnamed_checks(split_script(FILES[number].read_text("utf-8")))
