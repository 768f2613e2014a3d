"""The science: arrays in, numbers out. No Django, no Celery, no database."""
