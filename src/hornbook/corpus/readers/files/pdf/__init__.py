"""PDF files -> documents: characters, words, columns, lines, paragraphs; read in a process of its own."""
