"""Rails as the domain sees them: what they are asked for and say, and what they say that they moved."""
