"""Books of Project Gutenberg, without what Project Gutenberg and its volunteers put around and into them.

    text ──frame──> header | body | footer        header ──facts──> title, authors, language, date, licence
    body ──marks──> without page numbers and notes of transcribers ──paragraphs──> Parts
    HTML, EPUB ──page──> Parts                     Parts ──matter──> Parts ──chapters──> a document a chapter

A Part is a paragraph, a heading, or lines that stay lines. Nothing here looks at the network or at the catalogue.
"""
