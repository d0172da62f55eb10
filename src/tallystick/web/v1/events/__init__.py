"""Events in /v1, and the endpoints that they are delivered to."""
