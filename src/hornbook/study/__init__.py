"""Studies: several arms under one budget, and what may be said of their differences."""
