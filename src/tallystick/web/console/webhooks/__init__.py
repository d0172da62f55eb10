"""Pages of webhook endpoints: where events are delivered to, and what has arrived."""
