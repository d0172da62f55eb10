"""Names that people write."""
