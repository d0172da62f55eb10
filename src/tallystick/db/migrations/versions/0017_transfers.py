"""Runs the SQL file beside it."""

from pathlib import Path

from tallystick.db.migrations.sql_file import run_sql_file

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Apply 0017_transfers.sql."""
    run_sql_file(Path(__file__).with_suffix(".sql"))
