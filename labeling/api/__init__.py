"""What programs ask for: JSON, by session."""
