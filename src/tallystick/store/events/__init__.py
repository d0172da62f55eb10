"""Events of sellers: the queue that numbers them, where they are delivered to, and what came of it."""
