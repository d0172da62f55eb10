"""A taken key is recognised by what the database says, also where its code does not say so, as on Citus."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import asyncpg
import pytest
from tests.support.books import OpenBooks
from tests.support.owner import execute_as_owner

import tallystick
from tallystick.db import distribution
from tallystick.db.connections import Pool
from tallystick.db.duplicates import DuplicateKeyError, duplicate_keys
from tallystick.domain.outcomes import Accepted
from tallystick.domain.refusals import Refusal, Refused

SOURCE = Path(str(files(tallystick)))

AS_CITUS_SAYS_IT = """
CREATE FUNCTION say_it_as_citus() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'duplicate key value violates unique constraint "transaction_pkey_102558"' USING ERRCODE = 'XX000';
END $$;
CREATE TRIGGER say_it_as_citus BEFORE INSERT ON transaction
    FOR EACH ROW WHEN (NEW.caller_reference = 'taken') EXECUTE FUNCTION say_it_as_citus();
"""


@pytest.mark.parametrize(
    "statement",
    [
        "DO $$ BEGIN RAISE unique_violation; END $$",
        "DO $$ BEGIN RAISE 'duplicate key value violates unique constraint ...' USING ERRCODE = 'XX000'; END $$",
    ],
    ids=["by its code", "by its words"],
)
async def test_a_taken_key_is_recognised(pool: Pool, statement: str) -> None:
    with pytest.raises(DuplicateKeyError) as caught, duplicate_keys():
        await pool.execute(statement)
    assert isinstance(caught.value.__cause__, asyncpg.PostgresError)


async def test_other_internal_errors_stay_what_they_are(pool: Pool) -> None:
    with pytest.raises(asyncpg.InternalServerError, match="cache lookup failed"), duplicate_keys():
        await pool.execute("DO $$ BEGIN RAISE 'cache lookup failed' USING ERRCODE = 'XX000'; END $$")


async def test_a_payment_that_meets_one_is_tried_again(own_pool: Pool, open_shop: OpenBooks) -> None:
    if await distribution.is_distributed(own_pool):
        pytest.skip("there can be no trigger on a distributed table, by which this test speaks as Citus does")
    shop = await open_shop(own_pool)
    buyer = await shop.funded_buyer("10.00")
    await execute_as_owner(own_pool, AS_CITUS_SAYS_IT)

    refused = await shop.pay(buyer, "1.00", "taken")

    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.ConcurrentModification
    assert shop.committer.statistics.retried_groups > 1
    assert isinstance(await shop.pay(buyer, "1.00", "free"), Accepted)


def test_nobody_recognises_a_taken_key_in_another_way() -> None:
    named = [path for path in SOURCE.rglob("*.py") if "UniqueViolation" in path.read_text("utf-8")]
    assert [path.relative_to(SOURCE).as_posix() for path in named] == ["db/duplicates.py"]
