"""Operations of objectives on arrays of rows: noise, rewriting, words, sentences, sides; and their compiled bodies.

Each is a pure function of arrays and keys, and knows no objective.
"""
