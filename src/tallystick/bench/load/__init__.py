"""What measures: load generators, the requests that they send, the slices in which they run."""
