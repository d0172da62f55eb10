"""What Alembic runs: its environment, and the versions of the schema."""
