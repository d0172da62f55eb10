"""Runs the SQL file beside it."""

from pathlib import Path

from tallystick.db.migrations.sql_file import run_sql_file

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Apply 0020_fees_given_back.sql."""
    run_sql_file(Path(__file__).with_suffix(".sql"))
