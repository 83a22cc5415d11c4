"""Tokenizers: trained here or from elsewhere, with their special tokens and new pieces; text <-> ids."""
