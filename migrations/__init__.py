"""Numbered SQL migrations and the runner around them: the schema's one source."""
