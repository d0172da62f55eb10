"""What each action of the API does: one function each, named in the table of services/api."""
