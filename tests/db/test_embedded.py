import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

import asyncpg
import psutil
import pytest

from tallystick.db.database import until_it_answers
from tallystick.db.embedded.binaries import MIN_MAJOR, find_binaries, from_system
from tallystick.db.embedded.server import SERVER_SETTINGS, EmbeddedPostgres, EmbeddedPostgresError
from tallystick.db.migrate import FILES, migrate
from tallystick.settings import Settings
from tallystick.wiring import database_address

HOLD = """
import sys
from pathlib import Path
from tallystick.db.embedded.server import EmbeddedPostgres

with EmbeddedPostgres(Path(sys.argv[1])) as server:
    print(server.dsn, flush=True)
    sys.stdin.read()
"""


class Holder:
    """Another process that holds the server until it is told to leave, or killed."""

    def __init__(self, directory: Path) -> None:
        command = (sys.executable, "-W", "error", "-c", HOLD, str(directory))
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603

    def wait_until_started(self) -> Self:
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("postgresql://")
        return self

    def leave(self) -> None:
        self.process.communicate(timeout=30)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=30)

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()


@pytest.fixture
def directory() -> Iterator[Path]:
    """A data directory outside of pytest's, which other users cannot enter: a server started as root runs as one."""
    path = Path(tempfile.mkdtemp(prefix="tallystick-embedded-")).resolve()
    yield path
    for process in servers_of(path):
        process.kill()
    shutil.rmtree(path)


def servers_of(directory: Path) -> list[psutil.Process]:
    """Every process that works in the server's data directory, backends included."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() == "postgres" and Path(process.cwd()) == directory / "postgres":
                found.append(process)
    return found


def postmasters_of(directory: Path) -> set[int]:
    """The root process of each server."""
    found = servers_of(directory)
    numbers = {process.pid for process in found}
    return {process.pid for process in found if process.ppid() not in numbers}


def postmaster_pid(server: EmbeddedPostgres) -> int:
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


def kill_postmaster(server: EmbeddedPostgres) -> None:
    postmaster = psutil.Process(postmaster_pid(server))
    postmaster.kill()
    while postmaster.is_running() and postmaster.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)


async def ask(server: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(server.admin_dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def ask_until_it_answers(server: EmbeddedPostgres, statement: str) -> object:
    async with asyncio.timeout(60):
        while True:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return await ask(server, statement)
            await asyncio.sleep(0.05)


async def test_a_server_starts_answers_and_leaves_nothing_running(directory: Path) -> None:
    with EmbeddedPostgres(directory / "data") as server:
        assert await ask(server, "SELECT current_database()::text") == "tallystick"
        assert await ask(server, "SELECT current_setting('server_version_num')::int / 10000") == 18
        assert servers_of(directory / "data")

    assert servers_of(directory / "data") == []
    assert server.data.stat().st_mode & 0o777 == 0o700
    assert (directory / "data").stat().st_mode & 0o707 == 0o700


async def test_the_server_is_durable_and_sized_for_payments(directory: Path) -> None:
    with EmbeddedPostgres(directory) as server:
        shown = {
            name: await ask(server, f"SHOW {name}")
            for name in (
                "fsync",
                "full_page_writes",
                "synchronous_commit",
                "data_checksums",
                "wal_segment_size",
                "TimeZone",
                "max_connections",
            )
        }
        assert shown == {
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "data_checksums": "on",
            "wal_segment_size": "4MB",
            "TimeZone": "UTC",
            "max_connections": "400",
        }
        assert await ask(server, "SHOW listen_addresses") == ""
        assert server.log_directory.is_dir()


async def test_after_a_killed_postmaster_the_first_query_works(directory: Path) -> None:
    with EmbeddedPostgres(directory) as server:
        await ask(server, "CREATE TABLE kept AS SELECT generate_series(1, 200000) AS n")
        kill_postmaster(server)

        assert server.start() == server.dsn
        assert await ask(server, "SELECT count(*) FROM kept") == 200_000
    assert servers_of(directory) == []


async def test_a_postmaster_killed_under_its_holder_comes_back_by_itself(directory: Path) -> None:
    async with database_address(Settings(data_directory=directory)):
        server = EmbeddedPostgres(directory)
        await ask(server, "CREATE TABLE kept AS SELECT 7 AS n")
        killed = postmaster_pid(server)
        kill_postmaster(server)

        assert await ask_until_it_answers(server, "SELECT n FROM kept") == 7
        assert postmaster_pid(server) != killed
    assert servers_of(directory) == []


async def test_a_killed_holder_does_not_keep_the_server(directory: Path) -> None:
    with closing(Holder(directory)) as holder:
        holder.wait_until_started().kill()
    assert servers_of(directory), "nobody was left to stop it"

    with EmbeddedPostgres(directory) as server:
        assert await ask(server, "SELECT 1") == 1
    assert servers_of(directory) == []


async def test_holder_and_postmaster_killed_together(directory: Path) -> None:
    server = EmbeddedPostgres(directory)
    with closing(Holder(directory)) as holder:
        holder.wait_until_started()
        kill_postmaster(server)
        holder.kill()

    with server:
        assert await ask(server, "SELECT 1") == 1
    assert servers_of(directory) == []


async def test_two_processes_start_at_once_and_the_last_one_out_stops_the_server(directory: Path) -> None:
    with closing(Holder(directory)) as first, closing(Holder(directory)) as second:
        first.wait_until_started()
        second.wait_until_started()
        assert len(postmasters_of(directory)) == 1

        first.leave()
        assert await ask(EmbeddedPostgres(directory), "SELECT 1") == 1
        second.leave()
    assert servers_of(directory) == []


async def test_holds_within_one_process_are_counted_too(directory: Path) -> None:
    with EmbeddedPostgres(directory) as outer:
        with EmbeddedPostgres(directory) as inner:
            assert inner.dsn == outer.dsn
        assert await ask(outer, "SELECT 1") == 1
    assert servers_of(directory) == []


async def test_a_process_number_used_again_does_not_block_the_start(directory: Path) -> None:
    with EmbeddedPostgres(directory) as server:
        record = (server.data / "postmaster.pid").read_text().splitlines(keepends=True)
        kill_postmaster(server)
        (server.data / "postmaster.pid").write_text("".join([f"{os.getpid()}\n", *record[1:]]))

        server.start()
        assert await ask(server, "SELECT 1") == 1
    assert servers_of(directory) == []


async def test_an_interrupted_creation_is_begun_anew(directory: Path) -> None:
    half = directory / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")

    with EmbeddedPostgres(directory) as server:
        assert await ask(server, "SELECT 1") == 1
    assert not half.exists()


async def test_a_long_path_gets_its_socket_elsewhere(directory: Path) -> None:
    deep = directory / ("a long name with spaces and $signs " * 4).strip()
    for _ in range(2):  # the second start finds the socket directory of the first
        with EmbeddedPostgres(deep) as server:
            assert await ask(server, "SELECT 1") == 1
    shutil.rmtree((server.data / "socket_directory").readlink())
    with EmbeddedPostgres(deep) as server:  # a system that empties /tmp takes it away
        assert await ask(server, "SELECT 1") == 1
    shutil.rmtree((server.data / "socket_directory").readlink())


def test_data_of_another_version_are_left_alone(directory: Path) -> None:
    (directory / "postgres").mkdir()
    (directory / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(
        EmbeddedPostgresError, match="was made by PostgreSQL 9; there is no PostgreSQL 9 on this machine"
    ):
        EmbeddedPostgres(directory).start()
    assert [path.name for path in (directory / "postgres").iterdir()] == ["PG_VERSION"]


async def test_data_are_kept_by_the_version_that_made_them(directory: Path) -> None:
    """A PostgreSQL of the system serves as well, migrations included; no other version touches its data afterwards."""
    installed = [each for each in from_system() if each.major >= MIN_MAJOR]
    if not installed:
        pytest.skip("no PostgreSQL of the system, 15 or newer, is installed")
    system = installed[0]
    with EmbeddedPostgres(directory, find=lambda _: system) as server:
        assert await ask(server, "SELECT current_setting('server_version_num')::int / 10000") == system.major
        assert await ask(server, "SELECT current_setting('data_checksums')") == "on"
        assert await ask(server, "SELECT current_setting('max_connections')") == SERVER_SETTINGS["max_connections"]
        assert await ask(server, "SELECT 'É' ILIKE 'é' AND 'Z' < 'a' AND 'z' < 'é'"), (
            "letters, in the order of their codes"
        )
        assert await migrate(server.owner_dsn) == list(FILES)

    with EmbeddedPostgres(directory) as server:
        assert await ask(server, "SELECT current_setting('server_version_num')::int / 10000") == system.major
        assert await migrate(server.owner_dsn) == []


def test_a_server_that_cannot_start_says_why_and_is_not_held(directory: Path) -> None:
    server = EmbeddedPostgres(directory, server_settings={**SERVER_SETTINGS, "max_connections": "many"})
    with pytest.raises(EmbeddedPostgresError, match='invalid value for parameter "max_connections"'):
        server.start()
    with EmbeddedPostgres(directory):
        pass
    assert servers_of(directory) == []


def test_a_broken_configuration_is_quoted_from_the_log(directory: Path) -> None:
    with EmbeddedPostgres(directory) as server:
        pass
    with (server.data / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(EmbeddedPostgresError, match="no_such_setting"):
        server.start()


def test_a_process_that_forgets_to_stop_stops_at_its_exit(directory: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tallystick.db.embedded.server import EmbeddedPostgres; "
        "EmbeddedPostgres(Path(sys.argv[1])).start()"
    )
    subprocess.run((sys.executable, "-c", script, str(directory)), check=True, timeout=60)  # noqa: S603
    assert servers_of(directory) == []


def test_the_server_is_in_a_session_of_its_own_out_of_reach_of_an_interrupt_at_the_keyboard(directory: Path) -> None:
    with EmbeddedPostgres(directory) as server:
        assert os.getsid(postmaster_pid(server)) != os.getsid(0)


KILLED_AT_FIRST = """#!/bin/sh
# Starts the server as it is asked to, and kills it the first time, as somebody might who is short of memory.
{programs}/pg_ctl "$@" || exit
[ "$1" = start ] && [ ! -e killed_once ] || exit 0
touch killed_once
server=$(head -n 1 postmaster.pid)
kill -9 "$server"
while kill -0 "$server" 2>/dev/null && ! grep -q "^State:.Z" "/proc/$server/status"; do :; done
exit 1
"""


async def test_a_server_killed_while_it_starts_is_started_again(directory: Path) -> None:
    found = find_binaries()
    programs = directory / "programs"
    programs.mkdir()
    for program in found.directory.iterdir():
        (programs / program.name).symlink_to(program)
    (programs / "pg_ctl").unlink()
    (programs / "pg_ctl").write_text(KILLED_AT_FIRST.format(programs=found.directory))
    (programs / "pg_ctl").chmod(0o755)
    binaries = replace(found, directory=programs, trees=(*found.trees, programs))

    with EmbeddedPostgres(directory, find=lambda _: binaries) as server:
        assert await ask(server, "SELECT 1") == 1
        assert (server.data / "killed_once").exists()
    assert servers_of(directory) == []


async def test_a_start_goes_on_when_the_database_dies_under_it(directory: Path) -> None:
    """Every step of a start asks the database for something; it may die between any two of them."""
    server = EmbeddedPostgres(directory)
    async with database_address(Settings(data_directory=directory)) as address:
        tries = 0

        async def step() -> object:
            nonlocal tries
            tries += 1
            if tries == 1:
                kill_postmaster(server)
            connection = await asyncpg.connect(address.work)
            try:
                return await connection.fetchval("SELECT 7")
            finally:
                await connection.close()

        assert await until_it_answers(step) == 7
        assert tries > 1
