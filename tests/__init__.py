"""What holds Winnow to its word."""
