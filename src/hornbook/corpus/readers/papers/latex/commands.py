r"""Commands of LaTeX, its packages and the classes of journals: which arguments they take, and what of it is text.

In a signature, `*` is a star, `o` an argument in brackets, `d` in parentheses, `m` in braces.
"""

from __future__ import annotations

from hornbook.corpus.readers.papers.words import words


def _table(lines: str) -> dict[str, str]:
    """Return the signature of each command; a line holds a signature and the commands that have it, `-` is none."""
    found: dict[str, str] = {}
    for line in lines.split("\n"):
        signature, *names = line.split() or [""]
        found |= {f"\\{name}": signature.strip("-") for name in names}
    return found


# Nothing of these is text.
UNSEEN = _table("""
m label captionof pagerange pubyear indexdef indexfoot pubid tablefootmark arrayrulecolor pagecolor
m symbol ding stepcounter refstepcounter index glossary bibliographystyle bibliography pagestyle thispagestyle
m pagenumbering epsfig psfig epsfbox epsffile plotone hypersetup graphicspath lstset tikzset pgfplotsset usetikzlibrary
m thanks hyphenation titlerunning authorrunning toctitle tocauthor shorttitle shortauthors shortauthor
m runningtitle runningauthor institute institution date preprint received revised accepted published orcid
m orcidlink altaffilmark inst corref fnref tnoteref pacs PACS icmltitlerunning icmlkeywords icmlcorrespondingauthor
m icmlsetsymbol keywordname selectlanguage setstretch vphantom phantom hphantom bibdata bibstyle setmainfont urlstyle
m allowdisplaybreaks arxivnumber subjclassname urladdr dedicatory volume journal msnumber slugcomment submitted
m watchlist typeout message includeonly printindex nocite geometry theoremstyle floatstyle restylefloat
m usefont setlist spacing linespread
m address curraddr telephone acmDOI acmISBN acmConference acmYear acmPrice copyrightyear setcopyright acmJournal
m DeclareGraphicsExtensions DeclareUnicodeCharacter enlargethispage newlength newcounter newsavebox cline cmidrule
m affiliations affilskip listofauthors lhead rhead chead lfoot rfoot cfoot fancyhf fancyhead fancyfoot crefname acrodef
m addbibresource bibliographyfullrefs citestyle setcitestyle bibpunct received doi isbn issn copyrightinfo markright
om email ead affiliation affil marginpar todo color captionsetup usepackage RequirePackage cortext subjclass ccsdesc
om altaffiliation collaboration noaffiliation authornote printbibliography DeclareMathSizes cellcolor rowcolor
om deleted column
*oom includegraphics
*m vspace titlespacing
mm setlength addtolength setcounter addtocounter plottwo colorlet numberwithin markboth altaffiltext fontsize newcites
mm indexsee icmlaffiliation tnotetext settowidth acrodefplural crefformat textpos setkeys
mmm definecolor addcontentsline fontfamily contentsline newacronym newglossaryentry
omm rule icmladdress
mmmmm newfont DeclareMathAlphabet
o pagebreak nopagebreak nolinebreak printbibliography footnotemark usebox icmlauthorlist tableofcontents
d put multiput
""")
# The last argument, which follows these, is text.
WRAPPING = _table("""
om textcolor rotatebox colorbox
ooom parbox
oo makebox framebox
moo raisebox
mo scalebox
*mm resizebox
mm multicolumn fcolorbox
omomo multirow

m hyperlink hypertarget foreignlanguage ensurelanguage scalefont acmSubmissionID
o shortstack footnotetext hyperref
""")
SECTIONS = {
    f"\\{name}"
    for name in words("""
    part chapter section subsection subsubsection paragraph subparagraph
""")
}
CITING = {
    f"\\{name}": textual
    for names, textual in (
        (
            "cite citep citealp citealt parencite autocite footcite supercite fullcite citenum onlinecite cites Cite",
            False,
        ),
        ("parencites autocites footcites smartcite citepos shortcite textsuperscriptcite bibentry footfullcite", False),
        ("citet citeauthor textcite Citet citeA citeN textcites Citeauthor Textcite newcite citeasnoun", True),
        ("citeyear citeyearpar citedate citeyearNP citetitle", False),
    )
    for name in names.split()
}
REFERRING = {
    f"\\{name}"
    for name in words("""
    ref eqref cref Cref autoref pageref vref Vref nameref subref fref Fref sref thmref prettyref
""")
}
INPUTS = {
    f"\\{name}": arguments
    for name, arguments in {"input": 1, "include": 1, "subfile": 1, "subfileinclude": 1, "InputIfFileExists": 1,
                            "import": 2, "subimport": 2, "inputfrom": 2, "includefrom": 2}.items()
}  # fmt: skip
PARAGRAPHS = {
    f"\\{name}"
    for name in words("""
    par newpage clearpage cleardoublepage bigskip medskip smallskip maketitle vfill appendix endgraf
""")
}
LINES = {f"\\{name}" for name in ["newline", "linebreak", "break"]}
SPACES = {
    f"\\{name}"
    for name in words("""
    pause hfill hfil quad qquad enspace hskip hspace dotfill hrulefill space nobreakspace
""")
}
# Lengths that plain TeX sets, with or without a sign of equality: what follows is no text.
LENGTHS = {
    f"\\{name}"
    for name in words("""
    vskip hskip kern baselineskip parindent parskip textwidth textheight oddsidemargin evensidemargin topmargin
    headheight headsep footskip columnsep tabcolsep arraycolsep hsize vsize leftskip rightskip abovedisplayskip
    belowdisplayskip itemsep parsep topsep hangindent lineskip marginparwidth mathsurround raggedbottom skip
    vglue hglue baselinestretch tolerance hbadness vbadness hfuzz vfuzz penalty looseness widowpenalty
    clubpenalty magnification moveright moveleft lower raise voffset hoffset emergencystretch hangafter
""")
}  # fmt: skip
# Names of environments that most classes print so, where the paper does not say how.
THEOREMS = {
    name: printed
    for names, printed in (
        ("theorem thm Theorem Thm", "Theorem"), ("lemma lem Lemma Lem", "Lemma"),
        ("corollary cor Corollary", "Corollary"),
        ("proposition prop Proposition", "Proposition"), ("definition defn Definition defi", "Definition"),
        ("remark rem Remark rmk", "Remark"), ("example ex Example exmp", "Example"), ("claim Claim", "Claim"),
        ("conjecture conj Conjecture", "Conjecture"), ("assumption Assumption", "Assumption"), ("fact Fact", "Fact"),
        ("proof pf Proof", "Proof"), ("problem Problem", "Problem"), ("question", "Question"), ("exercise", "Exercise"),
        ("observation", "Observation"), ("property", "Property"), ("notation", "Notation"), ("axiom", "Axiom"),
        ("hypothesis", "Hypothesis"), ("criterion", "Criterion"), ("solution", "Solution"),
    )
    for name in names.split()
}  # fmt: skip
FLOATS = {
    name + star: (printed, arguments)
    for names, printed, arguments in (
        ("figure SCfigure marginfigure sidewaysfigure teaserfigure floatingfigure psfigure", "Figure", "oo"),
        ("wrapfigure", "Figure", "omom"), ("wraptable", "Table", "omom"),
        ("table sidewaystable margintable SCtable", "Table", "o"), ("algorithm algorithm2e", "Algorithm", "o"),
        ("listing program code", "Listing", "o"), ("subfigure subtable", "", "om"),
    )
    for name in names.split() for star in ("", "*")
}  # fmt: skip
TABLES = {
    "tabular": "om", "tabular*": "mom", "tabularx": "mom", "tabulary": "mm", "longtable": "om", "supertabular": "om",
    "xtabular": "om", "tabu": "m", "longtabu": "m", "deluxetable": "m", "deluxetable*": "m", "longtable*": "om",
    "tblr": "om", "longtblr": "om", "mpsupertabular": "om", "NiceTabular": "om", "array": "om", "planotable": "m",
}  # fmt: skip
LISTS = {
    **dict.fromkeys(words("""
    itemize compactitem itemize* list description compactdesc labeling trivlist asparaitem
"""), False),
    **dict.fromkeys(words("""
    enumerate compactenum enumerate* asparaenum inparaenum steps enumerate1 easylist
"""), True),
}  # fmt: skip
LIST_ARGUMENTS = {"list": "mm", "labeling": "om"}
# Environments that hold no text.
HOLLOW = {
    "picture",
    "thebibliography",
    "tikzcd",
    "pgfpicture",
    "xy",
    "psmatrix",
    "diagram",
    "references",
    "tikzpicture",
}
HOLLOW |= {"overpic", "feynmandiagram", "fmffile", "fmfgraph", "fmfgraph*", "quantikz", "forest", "axis", "textblock"}
# Environments whose arguments are no text.
PLAIN = {
    "minipage": "ooom", "adjustwidth": "mm", "multicols": "mo", "spacing": "m", "otherlanguage": "m", "adjustbox": "m",
    "addmargin": "m", "restatable": "om", "scope": "o", "threeparttable": "o", "tcolorbox": "o", "mdframed": "o",
    "algorithmic": "o", "algpseudocode": "o", "column": "om", "columns": "o", "CJK": "omm", "CJK*": "omm",
    "multicols*": "mo", "otherlanguage*": "m", "changemargin": "mm", "varwidth": "om", "turn": "m", "rotate": "m",
    "framed": "o", "tablenotes": "o", "appendices": "o",
}  # fmt: skip
# Environments of slides that begin with a title, and how many such arguments they have.
SLIDES = {"frame": 2, "block": 1, "alertblock": 1, "exampleblock": 1}
TITLED = {
    **dict.fromkeys(
        words("""
    acknowledgments acknowledgements acknowledgment acknowledgement acks ack
"""),
        "Acknowledgments",
    ),
    **dict.fromkeys(["keywords", "keyword", "IEEEkeywords"], "Keywords"),
}
_STEPS = """
    State: |Statex: |STATE: |If:if |IF:if |ElsIf:else if |ELSIF:else if |Else:else |ELSE:else |EndIf:end if|ENDIF:end if
    |For:for |FOR:for |ForAll:for all |FORALL:for all |EndFor:end for|ENDFOR:end for|ForEach:for each |While:while
    |WHILE:while |EndWhile:end while|ENDWHILE:end while|Repeat:repeat |REPEAT:repeat |Until:until |UNTIL:until
    |Loop:loop |LOOP:loop |EndLoop:end loop|ENDLOOP:end loop|Return:return |RETURN:return |Require:Require:
    |REQUIRE:Require: |Ensure:Ensure: |ENSURE:Ensure: |Procedure:procedure |EndProcedure:end procedure
    |Function:function |EndFunction:end function|Input:Input: |Output:Output: |KwIn:Input: |KwOut:Output:
    |KwData:Data: |KwResult:Result: |eIf:if |uIf:if |lIf:if |uElseIf:else if |uElse:else |lFor:for |KwRet:return
    |Comment:// |COMMENT:// |tcp:// |tcc:// |LineComment://
"""
# Commands of algorithms, each of which begins a line with a word; a comment goes on with its line.
STEPS = {
    f"\\{name}": words.strip() + " " if words.strip() else ""
    for name, _, words in (step.strip().partition(":") for step in " ".join(_STEPS.split()).split("|"))
}

# What a style file of a paper does not define anew.
KNOWN = frozenset(
    {*UNSEEN, *WRAPPING, *SECTIONS, *CITING, *REFERRING, *INPUTS, *PARAGRAPHS, *LINES, *SPACES, *LENGTHS, *STEPS}
    | {f"\\{name}" for name in TITLED}
)
