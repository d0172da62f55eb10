"""Commands that move money: to buyers, to sellers."""
