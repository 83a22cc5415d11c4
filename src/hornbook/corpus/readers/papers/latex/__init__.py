"""LaTeX -> text: tokens, macros, commands, environments, and the files of a paper."""
