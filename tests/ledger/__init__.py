"""The tests, laid out as the source is; `tests/house` holds the rules of the house itself."""
