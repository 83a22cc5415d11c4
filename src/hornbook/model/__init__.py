"""Batch -> Loss: one Transformer for decoders, encoders and encoder-decoders."""
