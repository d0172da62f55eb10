"""Exchanging the master key while everything runs: another one is announced, then seals, and seals anew what there is.

It can be stopped at any point and begun again: how far it came is in the database, and in each value.
docs/decisions/101-master-keys-are-exchanged-in-place.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tallystick.domain.texts import counted
from tallystick.services.operations import audit
from tallystick.settings import load_master_keys, new_master_key, write_master_keys
from tallystick.store.keys import master_keys
from tallystick.store.keys.master_key_watch import BELIEVED_SECONDS
from tallystick.store.keys.vault import DigestKeys, key_name
from tallystick.store.records import heartbeats

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor
    from tallystick.settings import Settings

SETTLE_SECONDS: Final = BELIEVED_SECONDS + 10.0
"""After that nobody seals with the key of before: processes ask, or stop sealing; what they had begun is committed."""
ALIVE: Final = timedelta(seconds=30)
"""A process without a heartbeat for so long is gone, or in trouble that has nothing to do with keys."""
PATIENCE_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 1.0

Progress = Callable[[str], None]
"""Is told in words what is done just now."""


class RotationError(Exception):
    """The master key cannot be exchanged as things are; the message says what to do."""


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One master key by its name in hexadecimal. `state`: ``seals``, ``announced``, ``old`` or ``new``.

    `values`: how many are sealed with it. `known`: whether this process has it. `needed`: it may not be destroyed.
    """

    name: str
    state: str
    values: int
    known: bool
    needed: bool


@dataclass(frozen=True, slots=True)
class Rotation:
    """What an exchange came to: the name of the key that seals, and the places of what could not be opened."""

    name: str
    broken: list[str]


async def status(service: Service) -> list[KeyStatus]:
    """Every key that the database has had or that this process knows, the oldest first."""
    found = await master_keys.read(service.pool)
    counts = await master_keys.counts(service.pool)
    vault = service.vault
    sealing = vault.sealing if found.sealing is None else found.sealing.key_name
    first = found.all[0].key_name if found.all else sealing
    names = [each.key_name for each in found.all] or [sealing]
    known = {key_name(key) for key in await asyncio.to_thread(load_master_keys, service.settings)}
    statuses = []
    for name in [*names, *sorted(known - {*names})]:
        values = counts.get(name, 0) + (counts.get(None, 0) if name == first else 0)
        state = "seals" if name == sealing else "new" if name not in names else "old"
        if found.all and name == found.all[-1].key_name != sealing:
            state = "announced"
        needed = state in {"seals", "announced"} or (state == "old" and (values > 0 or found.unfinished is not None))
        statuses.append(KeyStatus(name.hex(), state, values, name in known, needed))
    return statuses


async def rotate(
    service: Service,
    actor: Actor,
    *,
    digests_too: bool = False,
    progress: Progress = lambda _: None,
    settle_seconds: float = SETTLE_SECONDS,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Rotation:
    """Exchange the master key for another one, or go on with an exchange that was stopped.

    The other one is in the source of the keys already; where the source is a file, it is made and added. `digests_too`:
    make what digests are made with anew as well: codes in letters, open forms and known devices count no more.
    Raises RotationError, SettingsError.
    """
    async with master_keys.alone(service.pool) as locked:
        if not locked:
            raise RotationError("the master key is being exchanged by another command")
        found = await master_keys.read(service.pool)
        if found.unfinished is None:
            name = await _announce(service, actor, {each.key_name for each in found.all}, digests_too=digests_too)
        else:
            name = found.unfinished.key_name
            service.vault.learn(*await asyncio.to_thread(load_master_keys, service.settings))
            if name not in service.vault.known:
                raise RotationError(
                    f"the exchange that was begun needs the master key {name.hex()}, which is not known here"
                )
        progress(f"The master key {name.hex()} is announced; all processes are to know it")
        await _until_all_know(service, name, patience_seconds)
        await master_keys.begin(service.pool, service.clock())
        master_keys.take(service.vault, await master_keys.read(service.pool))
        progress("It seals; what there is is sealed anew")
        await _reseal(service, progress)
        progress("What others sealed meanwhile is waited for")
        await asyncio.sleep(settle_seconds)
        service.vault.confirm(settle_seconds + BELIEVED_SECONDS)
        broken = await _reseal(service, progress)
        if not await master_keys.finish(service.pool, service.clock()) and not broken:
            raise RotationError("something was sealed with another key meanwhile; run the command again")
        return Rotation(name.hex(), broken)


async def forget(service: Service, actor: Actor) -> list[str]:
    """Take the keys out of their file that nothing is sealed with any more; their names. Raises RotationError."""
    async with master_keys.alone(service.pool) as locked:
        if not locked:  # what an exchange adds to the file meanwhile would not be in what we write
            raise RotationError("the master key is being exchanged by another command")
        return await _forget(service, actor)


async def _forget(service: Service, actor: Actor) -> list[str]:
    path = _file_of(service.settings)
    statuses = await status(service)
    gone = {each.name for each in statuses if each.state == "old" and not each.needed and each.known}
    if any(each.state == "old" and each.needed for each in statuses):
        raise RotationError("something may still be sealed with an older key; run: tallystick master-key rotate")
    if not gone:
        return []
    if path is None:
        raise RotationError(
            f"the keys do not come from a file of ours; take out at their source: {', '.join(sorted(gone))}"
        )
    keys = [key for key in load_master_keys(service.settings) if key_name(key).hex() not in gone]
    async with service.pool.acquire() as connection, connection.transaction():
        await audit.record(
            connection,
            actor,
            "operator.master_key_forget",
            details={"keys": ", ".join(sorted(gone))},
            at=service.clock(),
        )
        await asyncio.to_thread(write_master_keys, path, keys)
    return sorted(gone)


async def _announce(service: Service, actor: Actor, had: set[bytes], *, digests_too: bool) -> bytes:
    """Choose the other key, and write it down. Returns its name."""
    keys = await asyncio.to_thread(load_master_keys, service.settings)
    had = had | {service.vault.sealing}
    others = [key for key in keys if key_name(key) not in had]
    path = _file_of(service.settings)
    if not others and path is not None:
        others = [new_master_key()]
        await asyncio.to_thread(write_master_keys, path, [*keys, *others])
    if len(others) != 1:
        raise RotationError(
            "there is no other master key than the one that seals; put a new one (`openssl rand -base64 32`) into "
            "TALLYSTICK_FURTHER_MASTER_KEYS of every process, or let the command print both"
            if not others
            else "there is more than one new master key; leave one"
        )
    service.vault.learn(*keys, *others)
    name = key_name(others[0])
    of_digests = DigestKeys(new_master_key(), new_master_key()) if digests_too else service.vault.of_digests
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        await master_keys.announce(connection, service.vault, name, of_digests, now)
        await audit.record(connection, actor, "operator.master_key", name.hex(), at=now)
    return name


async def _until_all_know(service: Service, name: bytes, patience_seconds: float) -> None:
    """Wait until every process with a heartbeat has the key. Raises RotationError: some do not get it."""
    loop = asyncio.get_running_loop()
    until = loop.time() + patience_seconds
    while lacking := await _without(service, name):
        if loop.time() > until:
            raise RotationError(
                f"{counted(len(lacking), 'process does', 'processes do')} not know the master key {name.hex()} "
                f"({', '.join(sorted(lacking))}): "
                "let the source of their keys have it, and run the command again. Nothing is sealed with it yet"
            )
        await asyncio.sleep(_PAUSE_SECONDS)


async def _without(service: Service, name: bytes) -> list[str]:
    latest = {pulse.process_id: pulse for pulse in await heartbeats.since(service.pool, service.clock() - ALIVE)}
    return [pulse.kind for pulse in latest.values() if name not in (pulse.master_keys or ())]


async def _reseal(service: Service, progress: Progress) -> list[str]:
    return await master_keys.reseal(service.pool, service.vault, lambda done: progress(f"{done} values sealed anew"))


def _file_of(settings: Settings) -> Path | None:
    """The file in which the keys are kept; None where they come from elsewhere."""
    return settings.key_file if settings.master_key is None and settings.master_key_command is None else None
