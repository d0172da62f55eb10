"""Data of an embedded server for the next major version of PostgreSQL, by its own pg_upgrade.

What is there stays until the new data are whole, under another name afterwards: the way back.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tallystick.db.embedded.binaries import Binaries, NoBinariesError, find_binaries
from tallystick.db.embedded.identity import forget_identity
from tallystick.db.embedded.roles import ADMIN
from tallystick.db.embedded.server import EmbeddedPostgres, EmbeddedPostgresError
from tallystick.db.embedded.server_user import ServerUser, choose_server_user

_DRAFT: Final = "postgres.next"
_PORT: Final = "50432"


@dataclass(frozen=True, slots=True)
class Upgraded:
    """From which major version to which. `before`: where the data of before are; None: there was nothing to do."""

    before_major: int
    major: int
    before: Path | None


def upgrade(
    data_directory: Path, to: int | None = None, find: Callable[[int | None], Binaries] = find_binaries
) -> Upgraded:
    """Bring the data to the major version `to`, or to that which new data would have. Nobody may use them meanwhile.

    Raises EmbeddedPostgresError: there are no data, somebody uses them, or there are no programs of one of the two
    versions; OSError. Nothing was changed then.
    """
    server = EmbeddedPostgres(data_directory, find=find)
    _major(server)
    with server:  # where it was killed, it puts its data right first, and stops as it should
        pass
    with server.all_to_ourselves():
        before = _major(server)
        try:
            old, new = find(before), find(to)
        except NoBinariesError as error:
            raise EmbeddedPostgresError(str(error)) from None
        if new.major < before:
            raise EmbeddedPostgresError(f"the data are of PostgreSQL {before}, and there is no way back to {new.major}")
        if new.major == before:
            return Upgraded(before, before, None)
        kept = server.data.with_name(f"{server.data.name}-{before}")
        if kept.exists():
            raise EmbeddedPostgresError(f"{kept} is left from another time; move it away first")
        user = choose_server_user(server.data, (*old.trees, *new.trees))
        draft = server.data.with_name(_DRAFT)
        server.make_data(new, user, draft)
        try:
            _carry_over(server.data, old, draft, new, user)
            _keep_settings(server.data, draft, user)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        forget_identity(draft)
        server.data.rename(kept)
        draft.rename(server.data)
    return Upgraded(before, new.major, kept)


def _major(server: EmbeddedPostgres) -> int:
    try:
        return int((server.data / "PG_VERSION").read_text("ascii"))
    except FileNotFoundError:
        raise EmbeddedPostgresError(f"there is no database in {server.data}") from None


def _carry_over(data: Path, old: Binaries, draft: Path, new: Binaries, user: ServerUser) -> None:
    """Copy everything into the new data. Raises EmbeddedPostgresError, with what pg_upgrade said."""
    work = draft.with_name(f"{draft.name}.work")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    user.own(work)
    command = (
        new.program("pg_upgrade"),
        f"--old-bindir={old.directory}",
        f"--new-bindir={new.directory}",
        f"--old-datadir={data}",
        f"--new-datadir={draft}",
        f"--username={ADMIN}",
        f"--old-port={_PORT}",
        f"--new-port={_PORT}",
        f"--socketdir={work}",
        "--copy",
    )
    try:
        ended = user.run(command, directory=work)
        if ended.returncode != 0:
            raise EmbeddedPostgresError(
                f"the data cannot be brought to PostgreSQL {new.major}:\n{_end_of(ended.stdout)}"
            )
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _keep_settings(data: Path, draft: Path, user: ServerUser) -> None:
    """Keep what somebody has set by ALTER SYSTEM."""
    name = "postgresql.auto.conf"
    if (data / name).exists():
        shutil.copyfile(data / name, draft / name)
        user.own(draft / name)
        (draft / name).chmod(0o600)


def _end_of(said: str) -> str:
    return "\n".join(said.splitlines()[-20:])
