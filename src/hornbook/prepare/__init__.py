"""Prepare: a recipe's text -> tokens in the run's directory, and the rows and their order that training reads.

Every stage leaves its result there and is skipped when it is there. It never builds a model.
"""
