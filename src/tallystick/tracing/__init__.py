"""Traces: which way a call took, from its request to the rail and to the receiver of a notification."""
