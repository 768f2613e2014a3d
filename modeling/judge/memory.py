"""What a judge leaves in memory."""

import gc

import torch

OutOfMemory = torch.OutOfMemoryError  # of a GPU


def free_memory() -> None:
    """Give back what no judge needs any more: a model and its optimizer hold each other until they are collected."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
