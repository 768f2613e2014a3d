"""How dates are written, by language, where Winnow differs from Django: short ones stand in tables."""
