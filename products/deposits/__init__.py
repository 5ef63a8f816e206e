"""Savings: what of a deposit is its own. `postings` holds its journals, event by event."""
