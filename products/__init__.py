"""Contracts turned into journals: what the Facility sells, and the night."""
