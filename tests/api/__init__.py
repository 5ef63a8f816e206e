"""Tests of the HTTP doors, over real HTTP semantics and a real database."""
