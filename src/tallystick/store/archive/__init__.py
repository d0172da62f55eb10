"""History that has left the books, in files that can be proven."""
