"""Commands for backups, restoring them, and the next version of PostgreSQL."""
