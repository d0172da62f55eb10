"""Commands that try the program out: what it can do in a second, and what it stands."""
