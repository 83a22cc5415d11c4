"""Corpus builds: raw files -> steps, on one machine or on many -> a clean corpus with an account of every document.

It never trains, and it never changes the files that it reads.
"""
