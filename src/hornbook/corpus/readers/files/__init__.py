"""Documents that people have: e-books, word processors' files, slides, marked-up text."""
