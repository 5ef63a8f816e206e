"""The doors: HTTP under `api.v1`, the command line under `api.cli`. Nobody imports this package."""
