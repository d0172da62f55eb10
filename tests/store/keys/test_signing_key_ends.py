"""How a signing key ends: its private half is destroyed, or it is revoked and nothing counts that it signed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.support.master_key import VAULT

from tallystick.db.connections import Connection, Pool
from tallystick.store.keys import sealed, signing_keys
from tallystick.store.keys.signing_keys import SIGNS_FOR

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


async def sealed_halves(connection: Connection) -> set[str]:
    rows = await connection.fetch("SELECT name FROM signing_key WHERE private_key_sealed IS NOT NULL")
    return {row["name"] for row in rows}


async def test_only_what_signs_no_more_loses_its_private_half(own_pool: Pool) -> None:
    async with own_pool.acquire() as connection:
        too_old = await signing_keys.ensure_current(connection, VAULT, NOW - SIGNS_FOR - DAY)
        replaced = await signing_keys.ensure_current(connection, VAULT, NOW)
        current = await signing_keys.rotate(connection, VAULT, NOW)
        assert await sealed_halves(connection) == {too_old.name, replaced.name, current.name}

        assert await signing_keys.destroy_retired(connection, NOW) == sorted([too_old.name, replaced.name])

        assert await sealed_halves(connection) == {current.name}
        assert await signing_keys.destroy_retired(connection, NOW) == []
        assert (await signing_keys.ensure_current(connection, VAULT, NOW)).name == current.name
    # what they signed still verifies: their certificates are served
    assert await signing_keys.certificate(own_pool, replaced.name) == replaced.certificate_pem
    assert [key.signs(NOW) for key in await signing_keys.list_(own_pool)] == [True, False, False]


async def test_a_revoked_key_counts_no_more_and_another_one_signs(own_pool: Pool) -> None:
    async with own_pool.acquire() as connection:
        stolen = await signing_keys.ensure_current(connection, VAULT, NOW)
        assert not await signing_keys.revoke(connection, "000000", NOW)

        assert await signing_keys.revoke(connection, stolen.name, NOW)

        assert not await signing_keys.revoke(connection, stolen.name, NOW + DAY)
        assert await sealed_halves(connection) == set()
        assert (await signing_keys.ensure_current(connection, VAULT, NOW)).name != stolen.name
    assert await signing_keys.certificate(own_pool, stolen.name) is None
    record = await signing_keys.find(own_pool, stolen.name)
    assert record is not None
    assert (record.revoked_at, record.retired_at, record.has_private_half) == (NOW, NOW, False)


async def test_the_master_key_is_tried_on_what_is_still_sealed(own_pool: Pool) -> None:
    async with own_pool.acquire() as connection:
        key = await signing_keys.ensure_current(connection, VAULT, NOW)
        await signing_keys.revoke(connection, key.name, NOW)

    assert await sealed.any_secret(own_pool) is None
