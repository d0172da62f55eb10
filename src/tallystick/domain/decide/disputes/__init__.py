"""What disputes move, and what refunds have to do with them."""
