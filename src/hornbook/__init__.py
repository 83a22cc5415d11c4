"""Hornbook: pre-train language models under any objective, from raw text to a trained, measured, exported model."""

__version__ = "0.1.0"
