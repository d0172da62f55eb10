"""What one process of the service keeps to itself: what it counted, its peers, random bytes, fresh ids."""
