"""Events of sellers: what they hold, their numbers, reading them."""
