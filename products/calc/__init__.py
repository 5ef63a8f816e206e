"""The what-if calculator: cases in, results out, by the pure functions that price contracts."""
