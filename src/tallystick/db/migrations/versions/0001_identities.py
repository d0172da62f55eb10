"""Runs the SQL file beside it."""

from pathlib import Path

from tallystick.db.migrations.sql_file import run_sql_file

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply 0001_identities.sql."""
    run_sql_file(Path(__file__).with_suffix(".sql"))
