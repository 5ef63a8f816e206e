"""Loans: what members ask for, who approves it and within which limits (docs/loan-requests.md)."""
