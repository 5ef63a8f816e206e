"""Measurements of the ledger, each beside the floor it is to be judged by, in one run.

`make bench` runs them all on a private server with fsync on; `benchmarks/README.md` keeps the
method and the last numbers, also the bad ones.
"""
