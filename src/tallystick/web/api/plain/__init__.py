"""The short way of the query API, for what nearly all calls are."""
