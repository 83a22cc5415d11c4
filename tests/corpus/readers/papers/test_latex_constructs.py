r"""What single constructs of LaTeX become, letter by letter."""

from __future__ import annotations

import pytest

from hornbook.corpus.readers.papers.latex.paper import read_latex
from hornbook.corpus.readers.papers.latex.reader import Style


def text_of(source: str, style: Style = Style()) -> str:  # noqa: B008 - it is frozen
    return read_latex(source, lambda name, folder: None, style).text


WORDS = [
    ("one  two\nthree", "one two three"),
    ("one\n\ntwo", "one\n\ntwo"),
    ("one\n  \t \n\n\ntwo", "one\n\ntwo"),
    ("a~b", "a b"),
    ("10\\,km e.g.\\ this", "10 km e.g. this"),
    ("a\\ b", "a b"),
    ("a\\\nb", "a b"),
    ("a\\quad b\\qquad c", "a b c"),
    ("a\\hspace{1cm}b\\hspace*{-2pt}c", "a b c"),
    ("pages 3--5 --- or not", "pages 3–5 — or not"),
    ("``double'' and `single'", "“double” and 'single'"),
    ("don't", "don't"),
    ("?`Qu\\'e? !`No!", "¿Qué? ¡No!"),
    ("50\\% of \\$5 \\& \\#1 a\\_b \\{x\\}", "50% of $5 & #1 a_b {x}"),
    ("\\LaTeX{} and \\TeX\\ and \\BibTeX.", "LaTeX and TeX and BibTeX."),
    ("a\\ldots b \\dots{} c", "a…b … c"),
    ("\\S 3, \\P 4, \\copyright\\ 2020, \\pounds 5", "§3, ¶4, © 2020, £5"),
    ("\\textbackslash{}x \\textasciitilde y \\textless z\\textgreater", "\\x ~y <z>"),
    ("\\textregistered{} \\texttrademark{} \\textdegree C", "® ™ °C"),
    ("co\\-op\\-er\\-ate and /\\/", "cooperate and /"),
    ("x\\textsuperscript{th} y\\textsubscript{2}", "xth y2"),
    ("one\\\\two\\\\[2pt]three\\\\*four", "one\ntwo\nthree\nfour"),
    ("one\\newline two\\linebreak three", "one\ntwo\nthree"),
    ("one\\par two", "one\n\ntwo"),
    ("a\\vskip 10pt plus 1pt b", "a\n\nb"),
    ("a\\vspace{2ex}b", "ab"),
    ("\\parindent=0pt\\parskip 2pt plus 1pt minus 1pt Text", "Text"),
    ("\\textwidth=\\hsize Text", "Text"),
    ("{\\bf bold} and {\\it italic\\/} and {\\tt code}", "bold and italic and code"),
    ("\\textbf{b}\\textit{i}\\emph{e}\\texttt{t}\\textsc{s}\\underline{u}", "bietsu"),
    ("\\textbf{a \\emph{b \\texttt{c} d} e} f", "a b c d e f"),
    ("{\\large\\bfseries big} \\small small", "big small"),
    ("\\textcolor{red}{r} \\textcolor[rgb]{1,0,0}{s} {\\color{blue} b}", "r s b"),
    ("\\fbox{f} \\mbox{m} \\makebox[2cm][l]{k} \\parbox[t]{3cm}{p}", "f m k p"),
    ("\\raisebox{2pt}{r} \\scalebox{0.5}{s} \\resizebox{1cm}{!}{t} \\rotatebox{90}{u}", "r s t u"),
    ("\\url{http://a.b/c_d%20e#f} end", "http://a.b/c_d%20e#f end"),
    ("\\href{http://a.b/~x}{the page} end", "the page end"),
    ("\\nolinkurl{me@a.b}", "me@a.b"),
    ("\\hyperref[sec:a]{this section}", "this section"),
    ("\\texorpdfstring{$\\alpha$}{alpha} decay", "$\\alpha$ decay"),
    ("\\foreignlanguage{french}{mot}", "mot"),
    ("\\noindent Text\\hfill more", "Text more"),
    ("\\unknown{kept} \\other[dropped]{kept too} \\third[not an option] end", "kept kept too [not an option] end"),
    ("\\index{term}term\\label{x}", "term"),
    ("a\\footnote{A note.} b", "a (A note.) b"),
    ("a\\footnote[3]{One.\n\nTwo.}.", "a (One. Two.)."),
    ("a\\footnotemark{} b\\footnotetext{Told.}", "a b (Told.)"),
    ("a\\thanks{nobody} b", "a b"),
    ("\\includegraphics[width=3cm]{a.pdf}x", "x"),
    ("\\phantom{x}y", "y"),
    ("\\today x", "x"),
    ("$$x$$", "$$x$$"),
    ("a & b", "a b"),
    ("a # b", "a b"),
    ("\\char`\\%", "%"),
]  # fmt: skip
ACCENTS = [
    ("\\'e\\`e\\^e\\\"e\\~n\\=a\\.z", "éèêëñāż"),
    ("\\'{e}\\`{e}\\^{e}\\\"{e}\\~{n}\\={a}\\.{z}", "éèêëñāż"),
    ("{\\'e} {\\\"o}", "é ö"),
    ("\\c{c}\\H{o}\\v{s}\\u{g}\\r{a}\\k{a}\\d{s}\\b{d}", "çőšğåąṣḏ"),
    ("\\c c \\v s \\H o", "ç š ő"),
    ("\\v Cech \\'Etale", "Čech Étale"),
    ("\\'\\i \\\"{\\i} \\'{\\i}x \\^\\j", "íï íx ĵ"),
    ("\\ss{} \\SS \\ae\\AE\\oe\\OE\\aa\\AA\\o\\O\\l\\L", "ß ẞæÆœŒåÅøØłŁ"),
    ("Stra\\ss e, stra{\\ss}e", "Straße, straße"),
    ("G\\\"odel, Erd\\H{o}s, \\L ukasiewicz, Poincar\\'e", "Gödel, Erdős, Łukasiewicz, Poincaré"),
    ("\\~{}x \\^{}y", "~x ^y"),
    ("\\t{oo}", "o͡o"),
    ("\\i\\j", "ıȷ"),
    ("\\dj\\DJ\\th\\TH\\dh\\DH\\ng\\NG", "đĐþÞðÐŋŊ"),
    ("Vi\\d{\\^e}t", "Việt"),
]  # fmt: skip
COMMENTS = [
    ("a % comment\nb", "a b"),
    ("a% comment\nb", "ab"),
    ("a %\n   b", "a b"),
    ("5\\% % five\nx", "5% x"),
    ("a % c\n\nb", "a\n\nb"),
    ("a\n% whole line\nb", "a b"),
    ("a %", "a"),
    ("\\\\% c\nx", "x"),
    ("a % \\begin{verbatim}\nb % \\end{verbatim}\nc", "a b c"),
    ("a \\iffalse hidden \\fi b", "a b"),
    ("a \\iffalse x \\else y \\fi b", "a y b"),
    ("a \\iftrue x \\else y \\fi b", "a x b"),
    ("a \\iffalse \\ifx 1 \\fi x \\fi b", "a b"),
    ("a \\iffalse if and only \\iff x \\fi b", "a b"),
    ("\\newif\\ifdraft\\ifdraft D\\else F\\fi \\drafttrue\\ifdraft D\\else F\\fi", "F D"),
    ("\\ifx\\a\\b one\\else two\\fi", "two"),
    ("\\ifthenelse{\\boolean{x}}{yes}{no}", "no"),
    ("a\\begin{comment}\nhidden \\x{ \n\\end{comment}b", "ab"),
    ("a \\endinput b", "a"),
    ("a \\end{document} b", "a"),
    ("\\begin{filecontents}{x.bib}\n@book{x}\n\\end{filecontents}a", "a"),
]  # fmt: skip
SECTIONS = [
    ("\\section{One}\nText.", "One\n\nText."),
    ("Before.\n\\subsection*{Two}\nText.", "Before.\n\nTwo\n\nText."),
    ("\\section[short]{Long \\emph{title}}T", "Long title\n\nT"),
    ("\\section{A\\label{sec:a}}\\label{sec:b} T", "A\n\nT"),
    ("\\section{On $n$-categories}", "On $n$-categories"),
    ("\\paragraph{Run in.} Text", "Run in.\n\nText"),
    ("\\chapter{C}\\part{P}\\subsubsection{S}", "C\n\nP\n\nS"),
    ("\\section\n  {Far}", "Far"),
    ("\\appendix\n\\section{Proofs}", "Proofs"),
    ("\\begin{abstract}Short.\\end{abstract}\n\\section{I}", "Abstract\n\nShort.\n\nI"),
    ("\\title{A\\\\ Title\\thanks{Grant}}\\maketitle Text", "A Title\n\nText"),
    ("Text\n\\abstract{In short.}\nMore", "Abstract\n\nIn short.\n\nText More"),
    ("\\begin{acknowledgments}Thanks.\\end{acknowledgments}", "Acknowledgments\n\nThanks."),
    ("\\keywords{a, b}", "Keywords: a, b"),
    ("\\begin{keyword}a \\sep b\\end{keyword}", "Keywords: a b"),
]  # fmt: skip
LISTS = [
    ("\\begin{itemize}\\item One\n\\item Two\\end{itemize}", "- One\n- Two"),
    ("\\begin{enumerate}\n\\item One\n\n\\item Two\n\\end{enumerate}\nText", "1. One\n2. Two\n\nText"),
    ("\\begin{description}\\item[Term] Meaning\\end{description}", "- Term Meaning"),
    ("\\begin{enumerate}\\item[(a)] x \\item[$\\bullet$] y\\end{enumerate}", "- (a) x\n2. y"),
    (
        "\\begin{itemize}\\item A\\begin{enumerate}\\item B\\item C\\end{enumerate}\\item D\\end{itemize}",
        "- A\n  1. B\n  2. C\n- D",
    ),
    ("Text:\n\\begin{itemize}[noitemsep]\\item x\\end{itemize}more", "Text:\n\n- x\n\nmore"),
    ("\\begin{itemize}\\item One\n\nstill one\\end{itemize}", "- One\n\nstill one"),
    ("\\begin{quote}Said.\\end{quote}", "Said."),
    ("a\\begin{quotation}q\\end{quotation}b", "a\n\nq\n\nb"),
    ("\\begin{center}c\\end{center}\\begin{flushleft}l\\end{flushleft}", "c\n\nl"),
    ("\\begin{verse}one\\\\ two\\end{verse}", "one\ntwo"),
    ("\\begin{minipage}[t]{3cm}m\\end{minipage}", "m"),
    ("\\begin{multicols}{2}m\\end{multicols}", "m"),
]  # fmt: skip
REFERENCES = [
    ("as shown \\cite{a}.", "as shown."),
    ("as shown~\\cite[p.~3]{a,b}, and", "as shown, and"),
    ("as shown (\\cite{a}; \\citep{b}) and", "as shown and"),
    ("x [\\cite{a}, \\cite{b}] y", "x y"),
    ("by \\cite{a}, \\cite{b}.", "by."),
    ("\\citet{smith} says", "[smith] says"),
    ("\\citep[see][p. 3]{a} x\\nocite{*}", "x"),
    ("\\parencite{a}\\footcite{b}x\\autocites{a}{b}", "x"),
    ("Figure~\\ref{fig:a} and (\\eqref{e}) and \\Cref{a,b}", "Figure [fig:a] and ([e]) and [a,b]"),
    ("\\autoref{x} on page~\\pageref{y}", "[x] on page [y]"),
    ("\\begin{thebibliography}{9}\\bibitem{a} A book.\\end{thebibliography}x", "x"),
    ("\\bibliographystyle{plain}\\bibliography{refs}x", "x"),
    ("(see \\cite{a})", "(see)"),
    ("f() is kept", "f() is kept"),
]  # fmt: skip
FLOATS = [
    ("\\begin{figure}[t]\\includegraphics{a}\\caption{A \\emph{cat}.}\\label{f}\\end{figure}", "Figure: A cat."),
    ("One \\begin{figure}(a)\\caption{C}\\end{figure} two.\n\nThree", "One two.\n\nFigure: C\n\nThree"),
    ("\\begin{table*}\\caption[s]{T}\\begin{tabular}{cc}a&b\\\\\\hline c&d\\end{tabular}\\end{table*}",
     "Table: T\n\na | b\nc | d"),
    ("\\begin{tabular}{|l|r|}\\hline a & b \\\\[2pt] \\cline{1-2} c & \\\\ \\toprule\\end{tabular}", "a | b\nc |"),
    ("\\begin{tabular*}{3cm}[t]{ll}a&b\\end{tabular*}", "a | b"),
    ("\\begin{tabularx}{\\textwidth}{lX}a&b\\tabularnewline c&d\\end{tabularx}", "a | b\nc | d"),
    ("\\begin{tabular}{ll}\\multicolumn{2}{c}{Both}\\\\\\multirow{2}{*}{m}&$x&y$\\end{tabular}", "Both\nm | $x&y$"),
    ("\\begin{tabular}{l}\\begin{tabular}{c}a\\\\b\\end{tabular}\\\\c\\end{tabular}", "a b\nc"),
    ("\\begin{longtable}{ll}a&5\\%\\\\\\end{longtable}", "a | 5%"),
    ("\\begin{tabular}{ll}a\n\nb&\\textbf{c}\\footnote{n}\\end{tabular}", "a b | c (n)"),
    ("\\begin{wrapfigure}{r}{3cm}\\caption{W}\\end{wrapfigure}", "Figure: W"),
    ("\\begin{algorithm}\\caption{Sort}\\begin{algorithmic}[1]\\Require $x$\\For{$i$}\\State go\\EndFor\n"
     "\\end{algorithmic}\\end{algorithm}", "Algorithm: Sort\n\nRequire: $x$\nfor $i$\ngo\nend for"),
    ("\\begin{figure}\\subfloat[Part]{\\includegraphics{a}}\\caption{W}\\end{figure}", "Figure: Part\n\nFigure: W"),
    ("\\begin{tikzpicture}\\draw (0,0) -- (1,1); $\\end{tikzpicture}x", "x"),
    ("\\begin{picture}(10,10)\\put(0,0){x}\\end{picture}y", "y"),
    ("\\begin{deluxetable}{cc}\\tablecaption{T}\\startdata a & b \\\\ c & d\\enddata\\end{deluxetable}",
     "T a | b\nc | d"),
]  # fmt: skip
THEOREMS = [
    ("\\begin{theorem}True.\\end{theorem}", "Theorem. True."),
    ("\\begin{theorem}[Cauchy]\\label{t}True.\\end{theorem}", "Theorem (Cauchy). True."),
    ("\\newtheorem{satz}{Satz}[section]\\begin{satz}Wahr.\\end{satz}", "Satz. Wahr."),
    ("\\newtheorem*{rk}{Remark}\\begin{rk}x\\end{rk}", "Remark. x"),
    ("\\begin{proof}Clear.\\qed\\end{proof}", "Proof. Clear."),
    ("\\begin{lemma*}x\n\ny\\end{lemma*}z", "Lemma. x\n\ny\n\nz"),
    ("\\begin{unknown}text\\end{unknown}", "text"),
    ("\\newenvironment{note}[1]{\\textbf{#1}: }{ End.}\\begin{note}{N}x\\end{note}", "N: x End."),
]  # fmt: skip
VERBATIM = [
    ("\\begin{verbatim}\n  a % b\n    \\c{d}  $\n\\end{verbatim}\nx", "  a % b\n    \\c{d}  $\n\nx"),
    ("a \\verb|x  %_{}| b", "a x  %_{} b"),
    ("\\verb*+a|b+ c", "a|b c"),
    ("\\begin{lstlisting}[language=C]\nint x; // 1\n\\end{lstlisting}", "int x; // 1"),
    ("\\lstinline{a_b} \\lstinline|c| \\mintinline{c}{d}", "a_b c d"),
    ("\\begin{minted}{python}\ndef f():\n    return 1\n\\end{minted}", "def f():\n    return 1"),
    ("\\begin{verbatim}a\\end{verbatim}b\\begin{verbatim}c", "a\n\nb\n\nc"),
    ("\\verb", ""),
]  # fmt: skip
FORMULAS = [
    ("Let $x  \\in\n A$.", "Let $x \\in A$."),
    ("\\(a+b\\) and \\[c\\]", "$a+b$ and\n$$c$$"),
    ("so $$ x = 1 $$ holds", "so\n$$x = 1$$\nholds"),
    ("so\\begin{equation}\\label{e}x=1\\end{equation}holds", "so\n$$x=1$$\nholds"),
    ("\\begin{align*}a&=b\\\\c&=d\\nonumber\\\\\\end{align*}",
     "$$\\begin{aligned} a&=b\\\\c&=d \\end{aligned}$$"),
    ("\\begin{align}x=1\\end{align}", "$$x=1$$"),
    ("\\begin{eqnarray}a&=&b\\end{eqnarray}", "$$\\begin{aligned} a&=&b \\end{aligned}$$"),
    ("\\begin{gather}a\\\\b\\end{gather}", "$$\\begin{gathered} a\\\\b \\end{gathered}$$"),
    ("\\begin{equation}\\begin{split}a&=b\\end{split}\\end{equation}", "$$\\begin{split}a&=b\\end{split}$$"),
    ("\\begin{alignat}{2}a&=b\\end{alignat}", "$$\\begin{aligned} a&=b \\end{aligned}$$"),
    ("$\\text{if $y$ then}$", "$\\text{if \\(y\\) then}$"),
    ("$a$$b$", "$a$$b$"),
    ("$a % comment\n + b$", "$a + b$"),
    ("$5\\%$ and \\$3", "$5\\%$ and $3"),
    ("\\ensuremath{x^2} and $\\ensuremath{y}$", "$x^2$ and ${y}$"),
    ("$x", "$x$"),
    ("$x\n\ny", "$x$\n\ny"),
    ("\\begin{math}x\\end{math}", "$x$"),
    ("$\\mathrm d x\\, \\alpha\\beta$", "$\\mathrm d x\\, \\alpha\\beta$"),
    ("${}$ x", "${}$ x"),
    ("$ $x", "x"),
]  # fmt: skip
MACROS = [
    ("\\newcommand{\\R}{\\mathbb{R}}$\\R^n$ \\R", "$\\mathbb{R}^n$ R"),
    ("\\newcommand\\norm[1]{\\|#1\\|}$\\norm{x}+\\norm y$", "$\\|x\\|+\\|y\\|$"),
    ("\\newcommand{\\f}[2][d]{#1-#2}\\f{a} \\f[b]{c}", "d-a b-c"),
    ("\\renewcommand{\\emph}[1]{<#1>}\\emph{x}", "x"),
    ("\\providecommand{\\a}{1}\\providecommand{\\a}{2}\\a", "1"),
    ("\\def\\x{y}\\x z \\x{} z", "yz y z"),
    ("\\def\\f#1#2{#2#1}\\f ab \\f{c}{d}", "ba dc"),
    ("\\let\\e=\\epsilon\\let\\d\\delta$\\e\\d$", "$\\epsilon\\delta$"),
    ("\\DeclareMathOperator{\\tr}{tr}$\\tr A$", "$\\operatorname{tr} A$"),
    ("\\DeclareMathOperator*{\\am}{arg\\,max}$\\am_x$", "$\\operatorname*{arg\\,max}_x$"),
    ("\\def\\be{\\begin{equation}}\\def\\ee{\\end{equation}}\\be x \\ee", "$$x$$"),
    ("\\newcommand{\\eg}{e.g.\\xspace}\\eg this, \\eg, \\eg{}x", "e.g. this, e.g., e.g.x"),
    ("\\def\\a{\\b}\\def\\b{c}\\a", "c"),
    ("\\def\\a{\\b}\\def\\b#1{[#1]}\\a{x}", "[x]"),
    ("\\newcommand{\\outer}[1]{\\def\\inner##1{##1#1}}\\outer{x}\\inner{y}", "yx"),
    ("\\newcommand{\\g}{\\gamma}$a\\g b$", "$a\\gamma b$"),
    ("\\def\\half{\\frac12}$\\half x$", "$\\frac12 x$"),
    ("\\newcommand{\\todo}[1]{}a\\todo{hidden}b", "ab"),
    ("\\newcommand{\\sys}{\\textsc{Sys}\\xspace}\\sys is", "Sys is"),
    ("\\def\\c(#1,#2){x}\\newcommand{\\k}{}a", "a"),
    ("\\newcommand{\\lsim}{\\ifmmode<\\else\\ensuremath{\\sim}\\fi}\\lsim $\\lsim$", "$\\sim$$<$"),
    ("\\NewDocumentCommand{\\p}{m m}{#2#1}\\p{a}{b}", "ba"),
    ("\\newcommand{\\red}[1]{\\textcolor{red}{#1}}\\red{\\red{\\red{x}}}", "x"),
    ("{\\def\\x{y}\\x}", "y"),
]  # fmt: skip
EVERY = WORDS + ACCENTS + COMMENTS + SECTIONS + LISTS + REFERENCES + FLOATS + THEOREMS + VERBATIM + FORMULAS + MACROS


@pytest.mark.parametrize(("source", "text"), EVERY, ids=range(len(EVERY)))
def test_a_construct_becomes_text(source: str, text: str) -> None:
    assert text_of(source) == text


def test_there_are_as_many_constructs_as_were_asked_for() -> None:
    assert len(EVERY) == len(dict(EVERY)) >= 150


PACKAGES = [
    ("\\SI{5.3}{\\kilo\\metre\\per\\second\\squared} long", "5.3 km/s² long"),
    ("\\qty[mode=text]{3}{\\micro\\second}, \\si{\\m}, \\unit{\\kg}", "3 µs, m, kg"),
    ("\\SIrange{1}{2}{\\m}, \\numrange{3}{4}, \\numlist{5;6;7}", "1 to 2 m, 3 to 4, 5, 6, 7"),
    ("\\ang{45;30}, \\SI{20}{\\celsius}, \\SI{90}{\\degree}, \\SI{5}{\\percent}", "45°30′, 20 °C, 90°, 5 %"),
    ("\\SI{2}{kg.m}", "2 kg m"),
    ("\\nicefrac{1}{2} and \\sfrac{3}{4}", "1/2 and 3/4"),
    ("\\added{new} \\deleted{old} \\replaced{now}{before}", "new now"),
    ("\\IEEEPARstart{T}{he} \\lettrine[lines=2]{O}{nce} \\textbf{T}{hen}", "The Once Then"),
    ("\\unknown{one}{two}{three}", "one two three"),
    ("as \\eg this, \\ie that of X \\etal.", "as e.g. this, i.e. that of X et al."),
    ("\\NewDocumentCommand{\\n}{O{d} m}{#1-#2}\\n{x} \\n[y]{z}", "d-x y-z"),
    ("\\begin{CJK*}{UTF8}{gbsn}中文\\end{CJK*}", "中文"),
    (
        "\\begin{longtable}{ll}h & k\\\\ \\endfirsthead h & k\\\\ \\endhead a & b\\\\ \\end{longtable}",
        "h | k\na | b",
    ),
    (
        "\\begin{frame}<2>[fragile]{A title}{Below}\nText\\pause more \\only<2>{there} \\alert<3->{now}\n"
        "\\begin{itemize}\\item<1-> a\\item<2> b\\end{itemize}\\begin{block}{Box}x\\end{block}\\end{frame}",
        "A title\n\nBelow\n\nText more there now\n\n- a\n- b\n\nBox\n\nx",
    ),
    ("\\begin{columns}\\begin{column}{.5\\textwidth}L\\end{column}\\column{2cm}R\\end{columns}", "L\n\nR"),
]


@pytest.mark.parametrize(("source", "text"), PACKAGES)
def test_arguments_of_packages_become_what_they_print(source: str, text: str) -> None:
    assert text_of(f"\\begin{{document}}{source}\\end{{document}}") == text
