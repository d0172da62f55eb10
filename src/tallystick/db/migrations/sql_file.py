"""Runs the SQL file of a migration as it is."""

from pathlib import Path

from alembic import op


def run_sql_file(path: Path) -> None:
    """Send the whole file to the server in one piece: it splits the statements itself, so no splitting can go wrong.

    Must not contain transaction commands: everything runs in the transaction of the migrations.
    Raises asyncpg.PostgresError.
    """
    statements = path.read_text("utf-8")
    driver = op.get_bind().connection.dbapi_connection
    if driver is None:
        raise TypeError("a migration needs a live connection")
    driver.run_async(lambda connection: connection.execute(statements))
