"""Documents of Office and LibreOffice: slides, sheets, texts, and what they have in common."""
