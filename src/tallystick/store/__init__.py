"""The store: all SQL, PostgreSQL only."""
