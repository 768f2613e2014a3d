"""Agreement between annotators, and one label out of several."""
