"""A rehearsal of failovers: two PostgreSQL servers under Patroni, killed again and again while payments run."""
