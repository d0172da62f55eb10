import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from tallystick.db.migrate import FILES, MIGRATIONS, MigrationError, finish, migrate, migrate_if_empty, pending
from tallystick.db.sql_script import split_script

MakeDatabase = Callable[[], Awaitable[str]]

VERSION_TABLE = (
    "CREATE TABLE alembic_version"
    " (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
"""As databases have it that were made before migrations ran without a library."""

SCHEMA = """
SELECT 'column' AS kind, attrelid::regclass::text AS owner, attname::text AS name,
       concat_ws(' ', attnum, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attcollation,
                 pg_get_expr(adbin, adrelid)) AS text
  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
       LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
 WHERE relnamespace = 'public'::regnamespace AND NOT attisdropped AND attnum > 0
UNION ALL
SELECT relkind::text, relname::text, '', array_to_string(reloptions, ' ')
  FROM pg_class WHERE relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid)
  FROM pg_index JOIN pg_class ON pg_class.oid = indrelid WHERE relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'constraint', concat_ws(' ', conrelid::regclass, contypid::regtype), conname::text,
       concat_ws(' ', convalidated, pg_get_constraintdef(oid))
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'function', '', oid::regprocedure::text, pg_get_functiondef(oid)
  FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger', tgrelid::regclass::text, tgname::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'label', enumtypid::regtype::text, enumlabel::text, enumsortorder::text FROM pg_enum
UNION ALL
SELECT 'type', typname::text, typtype::text,
       concat_ws(' ', format_type(typbasetype, typtypmod), typnotnull, typdefault, typcollation)
  FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('d', 'e')
UNION ALL
SELECT 'comment', objoid::regclass::text, objsubid::text, description
  FROM pg_description JOIN pg_class ON pg_class.oid = objoid
 WHERE classoid = 'pg_class'::regclass AND relnamespace = 'public'::regnamespace
ORDER BY 1, 2, 3, 4
"""


def all_revisions() -> list[str]:
    return list(FILES)


async def schema_of(url: str) -> list[tuple[str, ...]]:
    """Everything that migrations make, in PostgreSQL's own words."""
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(SCHEMA)]
    finally:
        await connection.close()


async def make_as_before(url: str, last: str) -> None:
    """A database as older versions of the program made it: each file sent in one piece, and its number written down."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(VERSION_TABLE)
            for number in all_revisions():
                if number <= last:
                    await connection.execute(FILES[number].read_text("utf-8"))
            await connection.execute("INSERT INTO alembic_version VALUES ($1)", last)
    finally:
        await connection.close()


async def tables_of(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row["tablename"] for row in rows}
    finally:
        await connection.close()


def test_migrations_are_numbered_without_a_gap() -> None:
    names = sorted(path.name for path in MIGRATIONS.iterdir())
    assert [name[:5] for name in names] == [f"{number:04}_" for number in range(1, len(names) + 1)]
    assert {name.rpartition(".")[2] for name in names} == {"sql"}
    assert all_revisions() == [name[:4] for name in names]


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


@pytest.mark.parametrize("last", ["0001", "0009", "0016", all_revisions()[-1]])
async def test_a_database_of_an_older_version_is_brought_up_to_date(make_database: MakeDatabase, last: str) -> None:
    fresh, old = await make_database(), await make_database()
    await migrate(fresh)
    await make_as_before(old, last)

    lacking = [number for number in all_revisions() if number > last]
    assert await pending(old) == lacking
    assert await migrate(old) == lacking
    await finish(old)

    assert await schema_of(old) == await schema_of(fresh)
    assert await pending(old) == []
    connection = await asyncpg.connect(old)
    try:
        assert await connection.fetchval("SELECT array_agg(version_num) FROM alembic_version") == [all_revisions()[-1]]
    finally:
        await connection.close()


SAID_BY_A_PROCESS = """
INSERT INTO pulse (process_id, at, kind, started_at, seconds, calls, refused, counts, newest_migration)
VALUES ($1, now() - $2::interval, 'serve', now(), 10, 0, 0, '{}', $3)
"""


async def test_an_update_is_finished_when_no_older_process_is_left(make_database: MakeDatabase) -> None:
    url = await make_database()
    await make_as_before(url, "0053")
    with pytest.raises(MigrationError, match="behind"):
        await finish(url)
    await migrate(url)
    connection = await asyncpg.connect(url)
    try:
        insert = "INSERT INTO book (book_id, environment, currency, created_at) VALUES ($1, 'sandbox', $2, now())"
        forms = "SELECT array_agg(one_row_payments ORDER BY book_id) FROM book"
        await connection.execute(insert, 1, "USD")
        await connection.execute(SAID_BY_A_PROCESS, "gone", timedelta(minutes=2), None)
        await connection.execute(SAID_BY_A_PROCESS, "new", timedelta(seconds=5), all_revisions()[-1])
        await connection.execute(SAID_BY_A_PROCESS, "old", timedelta(seconds=5), None)
        with pytest.raises(MigrationError, match=r"heard from in the last minute \(serve\)"):
            await finish(url)
        assert await connection.fetchval(forms) == [False]

        await connection.execute("DELETE FROM pulse WHERE process_id = 'old'")
        for _ in range(2):
            await finish(url)

        await connection.execute(insert, 2, "EUR")
        assert await connection.fetchval(forms) == [True, True]
    finally:
        await connection.close()


WAITS_FOR_A_TABLE = """
SELECT EXISTS (SELECT FROM pg_stat_activity JOIN pg_locks USING (pid)
                WHERE application_name = 'tallystick migrate' AND datname = current_database() AND NOT granted)
"""


async def test_a_migration_that_waits_for_a_long_reader_holds_up_nobody_else(make_database: MakeDatabase) -> None:
    """Whoever comes to a table later waits behind those who want it for themselves: payments behind a proof, say."""
    url = await make_database()
    await make_as_before(url, "0053")
    reader, payer = await asyncpg.connect(url), await asyncpg.connect(url)
    try:
        proof = reader.transaction(isolation="repeatable_read", readonly=True)
        await proof.start()
        await reader.fetch("SELECT FROM book")
        await reader.fetch("SELECT FROM transaction")
        changed = asyncio.create_task(migrate(url))
        async with asyncio.timeout(60):
            while not await payer.fetchval(WAITS_FOR_A_TABLE):  # noqa: ASYNC110 - only the server knows
                await asyncio.sleep(0.01)
            await payer.fetch("SELECT FROM book")
            await payer.fetch("SELECT FROM transaction")
        assert not changed.done()
        await proof.rollback()
        assert await changed == [number for number in all_revisions() if number > "0053"]
    finally:
        await reader.close()
        await payer.close()


async def test_a_version_table_without_a_version_counts_as_none(make_database: MakeDatabase) -> None:
    url = await make_database()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(VERSION_TABLE)
        assert await migrate(url) == all_revisions()
        assert await connection.fetchval("SELECT array_agg(version_num) FROM alembic_version") == [all_revisions()[-1]]
    finally:
        await connection.close()


async def test_statements_go_one_by_one(make_database: MakeDatabase) -> None:
    """Citus refuses several in one message on a distributed table."""
    url = await make_database()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "CREATE SCHEMA seen; CREATE TABLE seen.message (text text);"
            "CREATE FUNCTION seen.note() RETURNS event_trigger LANGUAGE plpgsql AS"
            " $$ BEGIN INSERT INTO seen.message VALUES (current_query()); END $$;"
            "CREATE EVENT TRIGGER noted ON ddl_command_start EXECUTE FUNCTION seen.note()"
        )
        await migrate(url)
        messages = [row["text"] for row in await connection.fetch("SELECT text FROM seen.message")]
    finally:
        await connection.close()
    assert len(messages) > 100
    assert [message for message in messages if len(split_script(message)) != 1] == []


async def test_of_two_that_start_together_one_does_the_work(make_database: MakeDatabase) -> None:
    url = await make_database()

    answers = await asyncio.gather(*(migrate(url) for _ in range(8)))

    assert sorted(answers) == [*([[]] * 7), all_revisions()]


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
        with pytest.raises(MigrationError, match="permission denied for schema public"):
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
    assert FILES
    for path in FILES.values():
        first_words = {
            _without_comments(statement).split()[0].upper() for statement in split_script(path.read_text("utf-8"))
        }
        assert not first_words & {"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT"}, path.name


def _without_comments(statement: str) -> str:
    return "\n".join(line for line in statement.splitlines() if not line.startswith("--"))
