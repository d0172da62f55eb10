"""Runs the SQL file beside it."""

from pathlib import Path

from tallystick.db.migrations.sql_file import run_sql_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply 0003_simulated_rail.sql."""
    run_sql_file(Path(__file__).with_suffix(".sql"))
