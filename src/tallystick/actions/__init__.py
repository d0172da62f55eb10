"""What the API can be asked to do: one function per action, and the table that lists them."""
