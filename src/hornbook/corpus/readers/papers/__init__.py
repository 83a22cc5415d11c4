"""Papers: LaTeX sources, JATS and PubMed XML, and the corpora of papers that are published as JSON."""
