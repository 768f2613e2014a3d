"""The Django app: everything that is stored, everything that people do. Never imports torch."""
