"""The API as data: the table of actions with their fields, types and results, and how a request is read by it."""
