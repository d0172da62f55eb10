"""Whether a service is set up as it should be, item by item, and what is to be done where it is not."""
