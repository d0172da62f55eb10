import asyncio
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from tallystick.db.migrate import MIGRATIONS, MigrationError, migrate, migrate_if_empty, pending

MakeDatabase = Callable[[], Awaitable[str]]

VERSIONS = MIGRATIONS / "versions"


def all_revisions() -> list[str]:
    return sorted(path.name[:4] for path in VERSIONS.glob("*.sql"))


async def tables_of(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row["tablename"] for row in rows}
    finally:
        await connection.close()


def test_every_sql_file_has_its_revision_beside_it() -> None:
    revisions = {path.stem for path in VERSIONS.glob("*.py")}
    assert revisions == {path.stem for path in VERSIONS.glob("*.sql")}
    assert len(all_revisions()) == len(set(all_revisions())) >= 2


async def test_an_empty_database_lacks_everything_and_looking_changes_nothing(make_database: MakeDatabase) -> None:
    url = await make_database()
    assert await pending(url) == all_revisions()
    assert await tables_of(url) == set()


async def test_migrations_run_once_and_in_order(make_database: MakeDatabase) -> None:
    url = await make_database()

    assert await migrate(url) == all_revisions()
    assert await tables_of(url) > {"alembic_version", "party", "book", "account", "transfer"}
    assert await pending(url) == []
    assert await migrate(url) == []


async def test_of_two_that_start_together_one_does_the_work(make_database: MakeDatabase) -> None:
    url = await make_database()

    answers = await asyncio.gather(migrate(url), migrate(url), migrate(url))

    assert sorted(answers) == [[], [], all_revisions()]


async def test_migrations_go_to_each_machine_of_a_cluster_over_one_connection(make_database: MakeDatabase) -> None:
    """Else Citus refuses a second table, or a type, in the same commit."""
    url = await make_database()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "CREATE SCHEMA seen; CREATE TABLE seen.mode AS SELECT '' AS name WHERE false;"
            "CREATE FUNCTION seen.note() RETURNS event_trigger LANGUAGE plpgsql AS"
            " $$ BEGIN INSERT INTO seen.mode VALUES (current_setting('citus.multi_shard_modify_mode', true)); END $$;"
            "CREATE EVENT TRIGGER noted ON ddl_command_start EXECUTE FUNCTION seen.note()"
        )
        await migrate(url)
        modes = {row["name"] for row in await connection.fetch("SELECT DISTINCT name FROM seen.mode")}
    finally:
        await connection.close()
    assert modes == {"sequential"}


async def test_a_failing_migration_changes_nothing(make_database: MakeDatabase) -> None:
    url = await make_database()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE book (in_the_way integer)")  # in the way of the first file's third table
        with pytest.raises(Exception, match='relation "book" already exists'):
            await migrate(url)
        assert await tables_of(url) == {"book"}

        await connection.execute("DROP TABLE book")
    finally:
        await connection.close()
    assert await migrate(url) == all_revisions()


async def test_commands_leave_the_schema_of_an_older_version_alone(make_database: MakeDatabase) -> None:
    url = await make_database()
    await migrate_if_empty(url)
    assert await pending(url) == []

    connection = await asyncpg.connect(url)
    try:
        await connection.execute("UPDATE alembic_version SET version_num = '0018'")
        with pytest.raises(MigrationError, match="tallystick migrate"):
            await migrate_if_empty(url)
        assert await connection.fetchval("SELECT version_num FROM alembic_version") == "0018"
    finally:
        await connection.close()


async def test_who_may_not_make_tables_hears_what_the_server_says(make_database: MakeDatabase) -> None:
    url = await make_database()
    role = f"reader_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"CREATE ROLE {role} LOGIN")
        parts = urlsplit(url)
        theirs = urlunsplit(parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}"))
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for schema public"):
            await migrate(theirs)
    finally:
        await connection.execute(f"DROP ROLE {role}")
        await connection.close()


async def test_a_database_that_cannot_hold_all_texts_is_refused(server_url: str) -> None:
    name = f"latin_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        with pytest.raises(MigrationError, match="LATIN1"):
            await migrate(urlunsplit(urlsplit(server_url)._replace(path=f"/{name}")))
    finally:
        await connection.execute(f"DROP DATABASE IF EXISTS {name}")
        await connection.close()


async def test_the_database_of_a_newer_version_is_left_alone(make_database: MakeDatabase) -> None:
    url = await make_database()
    await migrate(url)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
        for attempt in (migrate, pending):
            with pytest.raises(MigrationError, match="newer version of Tallystick"):
                await attempt(url)
        assert await connection.fetchval("SELECT version_num FROM alembic_version") == "9999"
    finally:
        await connection.close()


def test_no_migration_commands_transactions_of_its_own() -> None:
    for path in VERSIONS.glob("*.sql"):
        words = {line.split("--")[0].strip().rstrip(";").upper() for line in path.read_text("utf-8").splitlines()}
        assert not words & {"BEGIN", "COMMIT", "ROLLBACK", "START TRANSACTION"}, Path(path).name
