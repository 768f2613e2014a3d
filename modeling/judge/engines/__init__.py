"""The ways to compute what a judge says: one file each, all with the same answers within tolerances that are stated."""
