"""Documents of Word (WordprocessingML)."""
