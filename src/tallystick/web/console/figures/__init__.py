"""How a seller's business stands: the first page, a month's close."""
