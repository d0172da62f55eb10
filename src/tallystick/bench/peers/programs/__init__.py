"""What peers' own Python runs: it has the peer installed, and nothing of ours but these files."""
