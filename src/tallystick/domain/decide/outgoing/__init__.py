"""Rules for money that leaves: back to buyers what they did not spend, and out to sellers' banks."""
