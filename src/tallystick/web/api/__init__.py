"""The query API, batches and SOAP: bytes to requests, results to bytes."""
