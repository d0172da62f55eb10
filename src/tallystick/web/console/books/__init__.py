"""The seller's money: figures, activity, balances, debts, refunds."""
