"""What keeps tables and indexes small as payments come: order in which rows arrive, and the migration to it."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import asyncpg
from tests.conftest import MakeDatabase
from tests.support.books import OpenBooks
from tests.support.earlier_schemas import go_back, run_script

from tallystick.db.database import open_pool
from tallystick.db.migrate import migrate
from tallystick.domain.ids import TRANSACTION_ENTROPY_BYTES, BookId, make_transaction_id
from tallystick.domain.outcomes import Accepted
from tallystick.store.ledger.statements import MONEY
from tallystick.store.ledger.verify import verify

NOW = datetime(2027, 3, 1, tzinfo=UTC)

BEFORE_0020 = "ALTER TABLE transaction DROP COLUMN fee_refunded_micros"
BEFORE_0019 = """
DO $$
DECLARE typed record;
BEGIN
    FOR typed IN SELECT * FROM information_schema.columns WHERE domain_name IS NOT NULL AND table_schema = 'public' LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I TYPE %s, ADD CONSTRAINT %I CHECK (true)', typed.table_name,
                       typed.column_name, typed.data_type, typed.table_name || '_' || typed.column_name || '_check');
    END LOOP;
    FOR typed IN SELECT * FROM information_schema.domains WHERE domain_schema = 'public' LOOP
        EXECUTE format('DROP DOMAIN %I', typed.domain_name);
    END LOOP;
END $$;
"""
BEFORE_0017 = """
ALTER TABLE transfer DROP CONSTRAINT transfer_pkey;
ALTER TABLE transfer ADD CONSTRAINT transfer_pkey PRIMARY KEY (book_id, transaction_id, number);
ALTER TABLE answered_reference ALTER COLUMN caller_reference TYPE text COLLATE "default";
CREATE INDEX instrument_sender ON instrument (book_id, sender_party_id);
DROP INDEX kept_request_by_age;
CREATE INDEX kept_request_by_age ON kept_request (received_at);
ALTER TYPE balance_change DROP ATTRIBUTE version;
DROP TYPE book_rules, payment_values, payment_kind, key_terms;
UPDATE alembic_version SET version_num = '0016';
"""


async def test_transfers_of_a_group_land_in_the_order_of_their_ids(make_migrated: MakeDatabase) -> None:
    url = await make_migrated()
    ids = [
        make_transaction_id(BookId(7), 1_800_000_000_000 + number, bytes(TRANSACTION_ENTROPY_BYTES))
        for number in range(50)
    ]
    rows = [(each, number, 1, 2, 100) for each in ids for number in (1, 2)]
    random.Random(17).shuffle(rows)  # noqa: S311 - an order, not a secret
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(MONEY["insert_transfers"], 7, rows, NOW)
        landed = await connection.fetch("SELECT transaction_id, number FROM transfer ORDER BY ctid")
    finally:
        await connection.close()
    assert [tuple(row) for row in landed] == [(each, number) for each in ids for number in (1, 2)]


async def test_a_filled_database_is_given_the_smaller_indexes(
    make_database: MakeDatabase, open_shop: OpenBooks
) -> None:
    url = await make_database()
    await migrate(url)
    async with await open_pool(url, max_size=3) as pool:
        shop = await open_shop(pool)
        await shop.own_transfers(on=False)
        buyer = await shop.funded_buyer("10.00")
        first = await shop.pay(buyer, "1.00", "Straße-1")
        assert isinstance(first, Accepted)
        await shop.refund(first.transaction_id, "0.25")
        whole = "SELECT * FROM transfer ORDER BY transaction_id, book_id, number"
        transfers = await pool.fetch(whole)
        await go_back(pool, "0021")
        await run_script(pool, BEFORE_0020)
        await run_script(pool, BEFORE_0019)
        await run_script(pool, BEFORE_0017)

        assert (await migrate(url))[0] == "0017"

        await pool.expire_connections()
        assert await pool.fetch(whole) == transfers
        assert await shop.pay(buyer, "1.00", "Straße-1") == first
        key = await pool.fetchval("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'transfer_pkey'")
        assert key == "PRIMARY KEY (transaction_id, book_id, number)"
        assert (await verify(pool)).problems == []
