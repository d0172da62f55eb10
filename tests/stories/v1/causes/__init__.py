"""Requests that would be done, and what has to happen so that they end in each of the documented problems."""
