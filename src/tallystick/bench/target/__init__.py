"""What is measured: the service with its books, on its server and its machine."""
