"""Commands of the operator's own book."""
