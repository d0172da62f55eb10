"""Banks: how their accounts are written."""
