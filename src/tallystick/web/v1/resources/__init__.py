"""The rows of the table of endpoints, a file for each resource."""
