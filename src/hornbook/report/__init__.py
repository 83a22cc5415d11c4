"""Reports: what the files of runs or of a study say, as one page that stands alone, and as Markdown.

    directories -> facts -> ledger, verdicts, comparison -> blocks -> report.html, report.md

In flows what runs have recorded, out flow two files with the same facts from the same values. Nothing is trained or
measured here, no torch is loaded, and nothing but the directories is asked: no clock, no network, no machine.
"""
