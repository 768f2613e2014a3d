"""Celery workers: the only place where labeling meets the judge."""
