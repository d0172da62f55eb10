"""Whole plain requests, read in the event loop itself; every other connection is passed on to the HTTP server."""
