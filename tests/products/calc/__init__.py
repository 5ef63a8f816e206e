"""The what-if calculator: its reading, its answers, and the results that others published."""
