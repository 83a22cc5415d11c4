"""Questions with their answers: dumps of Stack Exchange.

In flow the rows of Posts.xml, out a document a question. Rows are sorted on disk by the question that they belong to,
so a dump of any size is read in bounded memory. Nothing here looks at another table of the dump, or at the network.
"""
