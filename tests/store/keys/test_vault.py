"""Several master keys: one seals, all open, and the database says which is which."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.support.clock import TestClock

from tallystick.db.connections import Pool
from tallystick.store.accounts import parties
from tallystick.store.keys import access_keys, master_keys, signing_keys
from tallystick.store.keys.master_key_watch import BELIEVED_SECONDS, MasterKeyWatch
from tallystick.store.keys.vault import DigestKeys, SealBrokenError, Vault, VaultOutdatedError, key_name, named_head
from tallystick.store.records import mail

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


def exchanged() -> Vault:
    vault = Vault(OLD, NEW)
    vault.use(key_name(NEW), key_name(OLD))
    return vault


def test_values_of_a_first_key_carry_no_name_and_those_after_an_exchange_do() -> None:
    before = Vault(OLD).seal(b"secret", "here")
    after = exchanged().seal(b"secret", "here")

    assert before[:1] == b"\x01"
    assert after.startswith(named_head(key_name(NEW)))
    assert NEW not in after
    assert exchanged().open(before, "here") == exchanged().open(after, "here") == b"secret"


def test_a_key_that_is_not_there_is_named() -> None:
    after = exchanged().seal(b"secret", "here")
    with pytest.raises(SealBrokenError, match=key_name(NEW).hex()):
        Vault(OLD).open(after, "here")
    alone = Vault(NEW)
    alone.use(key_name(NEW), key_name(OLD))
    assert alone.open(after, "here") == b"secret"
    with pytest.raises(SealBrokenError, match=key_name(OLD).hex()):
        alone.open(Vault(OLD).seal(b"secret", "here"), "here")
    with pytest.raises(SealBrokenError, match="not known here"):
        Vault(OLD).use(key_name(NEW), key_name(OLD))


def test_digests_outlive_an_exchange() -> None:
    vault = Vault(OLD, NEW)
    before = vault.digest("ann@people.example", "an address")
    vault.use(key_name(NEW), key_name(OLD))
    assert vault.digest("ann@people.example", "an address") == before
    vault.use(key_name(NEW), key_name(OLD), DigestKeys(bytes(32), bytes(32)))
    assert vault.digest("ann@people.example", "an address") != before


def test_nothing_is_sealed_with_a_key_that_nobody_has_confirmed_for_a_while() -> None:
    seconds = [0.0]
    vault = Vault(OLD, tick=lambda: seconds[0])
    vault.seal(b"secret", "here")
    vault.confirm(15)
    seconds[0] = 15
    sealed = vault.seal(b"secret", "here")
    seconds[0] = 15.1
    with pytest.raises(VaultOutdatedError):
        vault.seal(b"secret", "here")
    assert vault.open(sealed, "here") == b"secret", "what is sealed stays readable"


async def announced(pool: Pool, vault: Vault) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await master_keys.announce(connection, vault, key_name(NEW), vault.of_digests, NOW)


async def test_a_running_process_learns_the_new_key_and_seals_with_it_when_it_begins(own_pool: Pool) -> None:
    source = [OLD]
    vault = Vault(OLD)
    watch = MasterKeyWatch(own_pool, vault, lambda: tuple(source))
    await watch.look()
    digest = vault.digest("text", "context")

    source.append(NEW)
    await watch.look()
    assert vault.known == {key_name(OLD)}, "nobody has announced anything"
    await announced(own_pool, Vault(OLD, NEW))
    await watch.look()
    assert vault.known == {key_name(OLD), key_name(NEW)}
    assert vault.sealing == key_name(OLD)
    await master_keys.begin(own_pool, NOW)
    await watch.look()
    assert vault.sealing == key_name(NEW)
    assert vault.digest("text", "context") == digest


async def test_a_process_without_the_new_key_opens_what_it_can_and_seals_nothing(own_pool: Pool) -> None:
    seconds = [0.0]
    vault = Vault(OLD, tick=lambda: seconds[0])
    sealed = vault.seal(b"secret", "here")
    watch = MasterKeyWatch(own_pool, vault, lambda: (OLD,))
    await watch.look()
    await announced(own_pool, Vault(OLD, NEW))
    await master_keys.begin(own_pool, NOW)
    seconds[0] = BELIEVED_SECONDS + 1
    await watch.look()
    assert vault.open(sealed, "here") == b"secret"
    with pytest.raises(VaultOutdatedError):
        vault.seal(b"secret", "here")


async def test_every_sealed_column_is_sealed_anew(own_pool: Pool) -> None:
    columns = await own_pool.fetch(
        "SELECT relname || '.' || attname AS name FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
        " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        " AND attname ~ 'sealed$' AND atttypid = 'bytea'::regtype"
    )
    assert {row["name"] for row in columns} == {kind.column for kind in master_keys.KINDS}
    assert len(columns) >= 4


async def test_sealing_anew_can_be_stopped_anywhere_and_leaves_nothing_behind(own_pool: Pool) -> None:
    vault, clock = Vault(OLD, NEW), TestClock(NOW)
    async with own_pool.acquire() as connection:
        party = (await parties.create_business(connection, "shop@music.example", "Music", NOW)).party_id
        signing = await signing_keys.ensure_current(connection, vault, NOW)
    keys = [await access_keys.create(own_pool, vault, party, "sandbox", clock()) for _ in range(250)]
    await mail.write(own_pool, vault, "ann@people.example", "Your code", "It is 1234", NOW)
    await announced(own_pool, vault)
    await master_keys.begin(own_pool, NOW)
    master_keys.take(vault, await master_keys.read(own_pool))

    def stop(done: int) -> None:
        if done == 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await master_keys.reseal(own_pool, vault, stop)
    counts = await master_keys.counts(own_pool)
    assert counts == {key_name(NEW): 100, None: 154}
    assert not await master_keys.finish(own_pool, NOW)
    newer = await access_keys.create(own_pool, vault, party, "sandbox", clock())

    assert await master_keys.reseal(own_pool, vault, lambda _: None) == []
    assert await master_keys.counts(own_pool) == {key_name(NEW): 255}
    assert await master_keys.finish(own_pool, NOW + timedelta(hours=1))

    alone = Vault(NEW)
    master_keys.take(alone, await master_keys.read(own_pool))
    for key in (*keys, newer):
        found = await access_keys.find(own_pool, alone, key.access_key_id, clock())
        assert found is not None
        assert found.secret == key.secret
    async with own_pool.acquire() as connection:
        assert (await signing_keys.ensure_current(connection, alone, NOW)).name == signing.name
    (letter,) = await mail.latest(own_pool, alone, 10)
    assert letter.body == "It is 1234"
    assert alone.digest("text", "context") == Vault(OLD).digest("text", "context")


async def test_what_no_key_opens_is_named_and_left(own_pool: Pool) -> None:
    vault = Vault(OLD, NEW)
    await mail.write(own_pool, Vault(bytes(32)), "ann@people.example", "Lost", "lost", NOW)
    await announced(own_pool, vault)
    await master_keys.begin(own_pool, NOW)
    master_keys.take(vault, await master_keys.read(own_pool))
    assert await master_keys.reseal(own_pool, vault, lambda _: None) == ["letter to ann@people.example"]
    assert not await master_keys.finish(own_pool, NOW)
