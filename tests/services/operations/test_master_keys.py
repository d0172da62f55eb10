"""Exchanging the master key under a service that runs: what is announced, waited for, sealed anew and forgotten."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.conftest import MakeDatabase
from tests.support.clock import TestClock

from tallystick.services.context import Service
from tallystick.services.operations import audit
from tallystick.services.operations.audit import Actor
from tallystick.services.operations.master_keys import RotationError, forget, rotate, status
from tallystick.services.process.heartbeat import Heartbeat
from tallystick.settings import Settings, SettingsError, load_master_keys, write_master_keys
from tallystick.store.accounts import parties
from tallystick.store.keys import access_keys
from tallystick.store.keys import master_keys as store
from tallystick.store.keys.master_key_watch import MasterKeyWatch
from tallystick.store.keys.vault import Vault, VaultOutdatedError, key_name
from tallystick.wiring import open_service

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
COMMAND = Actor.command("alice")


@pytest.fixture
async def settings(make_migrated: MakeDatabase, tmp_path: Path) -> Settings:
    """Of a service whose master key is in a file."""
    return Settings(data_directory=tmp_path, database_url=await make_migrated())


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with open_service(settings, TestClock()) as opened:
        yield opened


async def make_key(service: Service) -> access_keys.AccessKey:
    async with service.pool.acquire() as connection:
        party = await parties.find_by_email(connection, "shop@music.example")
        if party is None:
            party = await parties.create_business(connection, "shop@music.example", "Music", service.clock())
    return await access_keys.create(service.pool, service.vault, party.party_id, "sandbox", service.clock())


async def secret_of(service: Service, key: access_keys.AccessKey) -> str | None:
    found = await access_keys.find(service.pool, service.vault, key.access_key_id, service.clock())
    return None if found is None else found.secret


@asynccontextmanager
async def beating(service: Service, clock: TestClock, kind: str) -> AsyncIterator[None]:
    """The heartbeats of a process, many a second, the first of them now."""
    heartbeat = Heartbeat(service, kind)

    async def beat() -> None:
        clock.forward(seconds=1)
        await heartbeat.beat()

    async def go_on() -> None:
        while True:
            await asyncio.sleep(0.1)
            await beat()

    await beat()
    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.05)


async def test_a_key_in_a_file_is_exchanged_while_another_process_runs(settings: Settings, service: Service) -> None:
    before = await make_key(service)
    old = key_name(load_master_keys(settings)[0])
    assert [(each.name, each.state, each.needed) for each in await status(service)] == [(old.hex(), "seals", True)]
    clock = TestClock()
    async with open_service(settings, clock) as other, beating(other, clock, "API"):
        done = await rotate(service, COMMAND, settle_seconds=0.1)

        assert [key_name(key).hex() for key in load_master_keys(settings)] == [old.hex(), done.name]
        assert settings.key_file.stat().st_mode & 0o777 == 0o600
        await until(lambda: other.vault.sealing.hex() == done.name)
        after = await make_key(other)
        for each in (service, other):
            assert await secret_of(each, before) == before.secret
            assert await secret_of(each, after) == after.secret
    assert await store.counts(service.pool) == {bytes.fromhex(done.name): 4}
    shown = {each.name: each for each in await status(service)}
    assert (shown[old.hex()].state, shown[old.hex()].values, shown[old.hex()].needed) == ("old", 0, False)

    assert await forget(service, COMMAND) == [old.hex()]
    assert [key_name(key).hex() for key in load_master_keys(settings)] == [done.name]
    assert await forget(service, COMMAND) == []
    async with open_service(settings, TestClock()) as later:
        assert await secret_of(later, before) == before.secret
        assert later.vault.known == {bytes.fromhex(done.name)}
    rows = await audit.latest(service, 10)
    assert [(row.action, row.details["machine_user"]) for row in rows] == [
        ("operator.master_key_forget", "alice"),
        ("operator.master_key", "alice"),
    ]


async def test_a_key_is_exchanged_again(settings: Settings, service: Service) -> None:
    key = await make_key(service)
    names = [(await rotate(service, COMMAND, settle_seconds=0)).name for _ in range(2)]
    assert len({key_name(load_master_keys(settings)[0]).hex(), *names}) == 3
    assert await store.counts(service.pool) == {bytes.fromhex(names[1]): 4}
    assert len(await forget(service, COMMAND)) == 2
    assert await secret_of(service, key) == key.secret


async def test_nothing_is_sealed_with_a_key_that_a_process_does_not_know(settings: Settings, service: Service) -> None:
    key = await make_key(service)
    elsewhere = Settings(
        data_directory=settings.data_directory / "elsewhere",
        database_url=settings.database_url,
        master_key=load_master_keys(settings)[0],
    )
    clock = TestClock()
    async with open_service(elsewhere, clock) as other, beating(other, clock, "Worker"):
        with pytest.raises(RotationError, match=r"1 process does not know the master key \w+ \(Worker\)"):
            await rotate(service, COMMAND, patience_seconds=0)
        assert await store.counts(service.pool) == {None: 3}
        assert [each.state for each in await status(service)] == ["seals", "announced"]
        assert await forget(service, COMMAND) == []
    await service.pool.execute("DELETE FROM pulse")  # it ended a while ago

    done = await rotate(service, COMMAND, settle_seconds=0)
    assert [key_name(each).hex() for each in load_master_keys(settings)][1] == done.name, "the one that was announced"
    assert await secret_of(service, key) == key.secret


async def test_a_key_from_elsewhere_is_exchanged_for_one_that_is_there(
    make_migrated: MakeDatabase, tmp_path: Path
) -> None:
    url = await make_migrated()
    async with open_service(
        Settings(data_directory=tmp_path, database_url=url, master_key=OLD), TestClock()
    ) as service:
        key = await make_key(service)
        with pytest.raises(RotationError, match="TALLYSTICK_FURTHER_MASTER_KEYS"):
            await rotate(service, COMMAND)
    both = Settings(data_directory=tmp_path, database_url=url, master_key=NEW, further_master_keys=(OLD,))
    async with open_service(both, TestClock()) as service:
        assert service.vault.sealing == key_name(OLD), "whichever comes first"
        done = await rotate(service, COMMAND, settle_seconds=0)
        assert done.name == key_name(NEW).hex()
        with pytest.raises(RotationError, match=f"take out at their source: {key_name(OLD).hex()}"):
            await forget(service, COMMAND)
    async with open_service(
        Settings(data_directory=tmp_path, database_url=url, master_key=NEW), TestClock()
    ) as service:
        assert await secret_of(service, key) == key.secret
    with pytest.raises(SettingsError, match="sealed with another master key"):
        async with open_service(Settings(data_directory=tmp_path, database_url=url, master_key=OLD), TestClock()):
            pass
    assert not both.key_file.exists()


async def test_digests_can_be_made_anew_too(service: Service) -> None:
    before = service.vault.digest("text", "context"), service.vault.of_digests.forms
    await rotate(service, COMMAND, settle_seconds=0)
    assert (service.vault.digest("text", "context"), service.vault.of_digests.forms) == before
    await rotate(service, COMMAND, digests_too=True, settle_seconds=0)
    assert service.vault.digest("text", "context") != before[0]
    assert service.vault.of_digests.forms != before[1]


async def test_one_command_at_a_time(service: Service) -> None:
    async with store.alone(service.pool) as locked:
        assert locked
        with pytest.raises(RotationError, match="another command"):
            await rotate(service, COMMAND)
        with pytest.raises(RotationError, match="another command"):
            await forget(service, COMMAND)
    assert await forget(service, COMMAND) == []


async def test_a_process_that_begins_without_the_key_that_seals_seals_nothing(
    settings: Settings, service: Service
) -> None:
    """As when it opened its vault just before the other key began to seal."""
    old = load_master_keys(settings)[0]
    sealed = service.vault.seal(b"secret", "place")
    late = Vault(old)
    await rotate(service, COMMAND, settle_seconds=0)
    await MasterKeyWatch(service.pool, late, lambda: (old,)).look()
    with pytest.raises(VaultOutdatedError):
        late.seal(b"secret", "place")
    assert late.open(sealed, "place") == b"secret"


def command_that(tmp_path: Path, script: str) -> Settings:
    program = tmp_path / "kms"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    return Settings(data_directory=tmp_path, master_key_command=(str(program), "the key"))


def test_a_command_prints_the_keys_and_gets_none_of_our_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYSTICK_SMTP_URL", "smtps://me:secret@mail.example")
    monkeypatch.setenv("KMS_REGION", "north")
    text = "\n".join(base64.b64encode(key).decode() for key in (OLD, NEW))
    settings = command_that(tmp_path, f'env > "{tmp_path}/env"\ntest "$1" = "the key" && cat <<X\n{text}\nX')

    assert load_master_keys(settings) == (OLD, NEW)
    given = (tmp_path / "env").read_text("utf-8")
    assert "KMS_REGION=north" in given
    assert "TALLYSTICK" not in given
    assert not settings.key_file.exists()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo half; exit 3", "failed with status 3"),
        ("echo half", "printed something else than 32 bytes"),
        ("true", "printed something else than 32 bytes"),
    ],
)
def test_a_command_that_fails_is_told_without_what_it_said(tmp_path: Path, script: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as refused:
        load_master_keys(command_that(tmp_path, script))
    assert "half" not in str(refused.value)


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be run: No such file"):
        load_master_keys(Settings(data_directory=tmp_path, master_key_command=(str(tmp_path / "none"),)))


def test_a_link_to_a_key_that_something_else_keeps_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    with pytest.raises(SettingsError, match="change it there"):
        write_master_keys(tmp_path / "link", [OLD])
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["kept", "link"]
