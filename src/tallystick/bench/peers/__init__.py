"""Other programs that keep accounts or take payments, measured beside the service: each where it is installed."""
