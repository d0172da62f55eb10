"""Processes that serve: an HTTP server in an event loop, and several processes on one port."""
