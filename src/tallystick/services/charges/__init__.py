"""How small charges may be, and what is left below a cent."""
