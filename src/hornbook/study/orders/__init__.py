"""Studies of the text: in which order it is read, and how much of each domain."""
