"""Commands for backups, restoring them, the next version of PostgreSQL, and what real money needs."""
