"""Pages. Each view says who may use it; fragments and pages share one address."""
