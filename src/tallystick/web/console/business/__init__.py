"""The seller's staff, how its pages look, and who did what."""
