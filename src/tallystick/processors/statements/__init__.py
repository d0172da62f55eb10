"""Files in which banks tell what they booked: CAMT.053, and tables."""
