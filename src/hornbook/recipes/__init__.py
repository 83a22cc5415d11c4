"""Recipes: a whole run as one value, its settings in words, as a file and as a.b=c, and those that have names.

It never reads text and never touches torch.
"""
