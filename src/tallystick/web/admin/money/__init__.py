"""The operator looks at single movements of money, of whatever seller."""
