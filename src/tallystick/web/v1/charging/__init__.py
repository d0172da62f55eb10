"""Charges in /v1 that are more than one request: held and captured later, and many at once."""
