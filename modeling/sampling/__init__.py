"""Which pairs to label next: one file a strategy, one contract."""
