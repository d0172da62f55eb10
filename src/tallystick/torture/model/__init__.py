"""What the service ought to do, written down a second time: it shares no code with the service that it judges."""
