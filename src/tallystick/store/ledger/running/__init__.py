"""The proof of the books that goes on all the time: what has come, in slices; balances; how fast it may go."""
