"""PostgreSQL, without a word about payments: connections, transactions, migrations, the embedded server."""
