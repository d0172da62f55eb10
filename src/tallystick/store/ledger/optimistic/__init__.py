"""Groups that are read without locking anything."""
