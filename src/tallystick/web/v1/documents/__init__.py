"""What is told of /v1: its OpenAPI document, and the pages of the reference."""
