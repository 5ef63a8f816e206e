"""The rules of the house as tests: each names the cure, each is tried on a planted offender.

A rule is a plain function from a source to its offences. The test applies it to every file that
git knows or would take; its twin feeds it a text that breaks the rule and one that keeps it, so
that no rule can be green because it looks at nothing.
"""
