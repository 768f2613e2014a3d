"""The judge: the only folder that loads torch."""
