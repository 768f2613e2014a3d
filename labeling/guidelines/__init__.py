"""The decision tree: parsed, checked and walked by pure functions."""
