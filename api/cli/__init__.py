"""The command line `cff`: one module a group of verbs, the same services as the HTTP doors.

`context` opens the database (the private server unless `CFF_DATABASE_URL` names another), `output`
prints for people or as JSON and turns errors into exit codes (docs/operations.md lists them).
"""
