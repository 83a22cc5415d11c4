"""Scaling: parameters, FLOPs and memory of a model, counted from its configuration alone; no tensor is made."""
