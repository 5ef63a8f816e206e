"""The posting path: `values` (what is asked and answered), `judge` (the one judge, pure),
`write` (head, read, judge, write: the only statements that move money), `collector` (what arrived
while the last batch was in flight becomes the next). docs/architecture.md walks one posting.
"""
