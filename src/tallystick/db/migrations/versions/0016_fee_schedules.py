"""Runs the SQL file beside it."""

from pathlib import Path

from tallystick.db.migrations.sql_file import run_sql_file

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Apply 0016_fee_schedules.sql."""
    run_sql_file(Path(__file__).with_suffix(".sql"))
