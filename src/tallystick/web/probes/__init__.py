"""What whoever watches over a process asks."""
