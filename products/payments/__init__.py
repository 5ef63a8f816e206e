"""Notices, bank statements and their matching."""
