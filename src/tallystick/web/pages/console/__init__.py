"""The seller's console."""
