"""What is done by hand in a sandbox."""
