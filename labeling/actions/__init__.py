"""Writes and rules: verb_noun functions, one transaction each. None of them sees an HTTP request."""
