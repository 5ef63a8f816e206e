"""The products, from a clerk's and an accountant's side."""
