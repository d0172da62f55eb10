"""Runs the SQL file beside it."""

from pathlib import Path

from tallystick.db.migrations.sql_file import run_sql_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply 0007_staff.sql."""
    run_sql_file(Path(__file__).with_suffix(".sql"))
