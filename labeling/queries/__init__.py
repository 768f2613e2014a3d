"""Reads: from querysets to querysets, plain rows or arrays. None of them writes."""
