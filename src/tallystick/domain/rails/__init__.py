"""Rails as the domain sees them: what they say that they moved."""
