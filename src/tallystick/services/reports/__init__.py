"""What staff read about a seller's books: instruments, tokens, transactions, debts, figures, exports."""
