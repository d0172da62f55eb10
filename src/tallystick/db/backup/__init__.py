"""Backups of the whole database server, from which any moment can be restored."""
