"""Charts as SVG: few kinds, equal bytes for equal data, readable in light and dark, each with its caption and table."""
