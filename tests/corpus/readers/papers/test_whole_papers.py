r"""Whole papers, as their authors write them, letter by letter."""

from __future__ import annotations

from hornbook.corpus.readers.papers.latex.paper import read_latex
from hornbook.corpus.readers.papers.latex.reader import Style

CONFERENCE = r"""
% A conference paper.
\documentclass[10pt]{article}
\PassOptionsToPackage{numbers}{natbib}
\usepackage[final]{neurips_2023}
\usepackage{amsmath,amsthm}
\newtheorem{prop}{Proposition}
\DeclareMathOperator*{\argmin}{arg\,min}
\newcommand{\model}{\textsc{Widget}\xspace}
\newcommand{\E}[2][]{\mathbb{E}_{#1}\left[#2\right]}
\newcommand{\bx}{\mathbf{x}}
\newcommand{\todo}[1]{\textcolor{red}{TODO: #1}}
\renewcommand{\todo}[1]{}
\newif\ifappendix
\appendixtrue
\title{\model: Learning from Widgets%
  \thanks{Code: \url{https://example.org/widget}.}}
\author{%
  Jane Q.~Public\thanks{Equal contribution.} \\
  Department of Widgets \\
  \texttt{jane@example.org} \\
  \And
  Jos\'e P\'erez \\
  Example Lab
}
\begin{document}
\maketitle
\begin{abstract}
We introduce \model, a method that is $2\times$ faster~\citep{fast}.
% We no longer claim this.
\end{abstract}

\section{Introduction}\label{sec:intro}
Large widgets \citep{a,b} are everywhere---see \citet{survey} and Figure~\ref{fig:one}.\todo{cite more}
Our contributions are:
\begin{itemize}[leftmargin=*]
  \item a \emph{loss} (Section~\ref{sec:loss});
  \item 3--5\% better results.
\end{itemize}
\begin{figure}[t]
  \centering
  \includegraphics[width=\linewidth]{figs/one.pdf}
  \caption{A widget with $n$ parts.}
  \label{fig:one}
\end{figure}
The rest of the paper\footnote{A longer version exists.} is short.

\section{Loss}\label{sec:loss}
We minimise
\begin{align}
  \theta^* &= \argmin_\theta \E[\bx]{\ell(\bx)}, \label{eq:loss} \\
  \ell(\bx) &= \|\bx\|^2. \nonumber
\end{align}
\begin{prop}[Bound]
  By \eqref{eq:loss}, $\ell \ge 0$.
\end{prop}
\begin{proof}
  Clear. \qedhere
\end{proof}

\begin{algorithm}
\caption{Training}
\begin{algorithmic}[1]
\Require data $D$
\For{$\bx \in D$}
  \State update $\theta$ \Comment{one step}
\EndFor
\State \Return $\theta$
\end{algorithmic}
\end{algorithm}

\begin{table}
\caption{Results.}
\begin{tabular}{@{}lrr@{}}
\toprule
Method & Acc. (\%) & Time \\
\midrule
Base~\cite{base} & 80.1 & 1\,h \\
\textbf{\model} & \textbf{82.3} & --- \\
\bottomrule
\end{tabular}
\end{table}

\begin{lstlisting}[language=Python]
def loss(x):  # 100%
    return x ** 2
\end{lstlisting}

\ifappendix
\appendix
\section{Proofs}
Omitted.
\else
No appendix.
\fi
\bibliography{refs}
\end{document}
Never printed.
"""
CONFERENCE_TEXT = r"""Widget: Learning from Widgets

Abstract

We introduce Widget, a method that is $2\times$ faster.

Introduction

Large widgets are everywhere—see [survey] and Figure [fig:one]. Our contributions are:

- a loss (Section [sec:loss]);
- 3–5% better results.

Figure: A widget with $n$ parts.

The rest of the paper (A longer version exists.) is short.

Loss

We minimise
$$\begin{aligned} \theta^* &= \operatorname*{arg\,min}_\theta \mathbb{E}_{\mathbf{x}}\left[\ell(\mathbf{x})\right], \\ \ell(\mathbf{x}) &= \|\mathbf{x}\|^2. \end{aligned}$$

Proposition (Bound). By [eq:loss], $\ell \ge 0$.

Proof. Clear.

Algorithm: Training

Require: data $D$
for $\mathbf{x} \in D$
update $\theta$ // one step
end for
return $\theta$

Table: Results.

Method | Acc. (%) | Time
Base | 80.1 | 1 h
Widget | 82.3 | —

def loss(x):  # 100%
    return x ** 2

Proofs

Omitted."""  # noqa: E501 - a formula stands in one line
OLD = r"""
\documentstyle[12pt,aasms]{article}
\def\lsim{\mathrel{\rlap{\lower4pt\hbox{\hskip1pt$\sim$}}\raise1pt\hbox{$<$}}}
\def\kms{\ifmmode {\rm km\ s^{-1}} \else km s$^{-1}$\fi}
\def\be{\begin{equation}}
\def\ee{\end{equation}}
\def\apj{{\it Ap. J.}}
\parindent 20pt
\begin{document}
\title{DUST IN {\sc NGC}~1068}
\author{A. B. Smith$^{1,2}$, C. D\'{\i}az and E. van der Berg}
\affil{$^1$Some Observatory}
\begin{abstract}
Dust moves at 300\ \kms.
\end{abstract}

\section{INTRODUCTION}
Velocities are \kms\ and $v \lsim 5$ \kms. ``Active''
galaxies (\cite{smith}; \cite{diaz}) are well
known [\cite{x}].
\be
L = 4\pi d^2 F
\label{lum}
\ee
where $d$ is {\bf the} distance; cf.\ eq.~(\ref{lum}).

{\it Note added.} See \apj.
\begin{thebibliography}{}
\bibitem[Smith(1990)]{smith} Smith 1990, \apj, 1, 2
\end{thebibliography}
\clearpage
\end{document}
"""
OLD_TEXT = r"""DUST IN NGC 1068

Abstract

Dust moves at 300 km s$^{-1}$.

INTRODUCTION

Velocities are km s$^{-1}$ and $v \mathrel{\rlap{\lower4pt\hbox{\hskip1pt\(\sim\)}}\raise1pt\hbox{\(<\)}} 5$ km s$^{-1}$. “Active” galaxies are well known.
$$L = 4\pi d^2 F$$
where $d$ is the distance; cf. eq. ([lum]).

Note added. See Ap. J.."""  # noqa: E501 - a paragraph stands in one line
GERMAN = r"""\documentclass{scrartcl}
\usepackage[T1]{fontenc}
\usepackage[ngerman]{babel}
\newtheorem{satz}{Satz}
\begin{document}
\title{\"Uber Stra"sen}
\author{M. M"uller}
\maketitle
\begin{abstract}Es geht um "`Stra"sen"' in K\"oln.\end{abstract}
\section*{Einf"uhrung}
Gr"o"se z"ahlt: $a"b$.
\begin{satz}Wahr.\end{satz}
\end{document}
"""
GERMAN_TEXT = """Über Straßen

Abstract

Es geht um „Straßen“ in Köln.

Einführung

Größe zählt: $a"b$.

Satz. Wahr."""


def test_a_paper_of_a_conference() -> None:
    paper = read_latex(CONFERENCE, lambda name, folder: None, Style())
    assert paper.text == CONFERENCE_TEXT
    assert (paper.title, paper.authors) == ("Widget: Learning from Widgets", ["Jane Q. Public", "José Pérez"])
    assert paper.sections == ["Introduction", "Loss", "Proofs"]
    assert (paper.outside, paper.bounded) == ([], False)


def test_a_paper_in_latex_209() -> None:
    paper = read_latex(OLD, lambda name, folder: None, Style())
    assert paper.text == OLD_TEXT
    assert paper.authors == ["A. B. Smith", "C. Díaz", "E. van der Berg"]


def test_a_paper_in_german() -> None:
    paper = read_latex(GERMAN, lambda name, folder: None, Style())
    assert paper.text == GERMAN_TEXT
    assert (paper.title, paper.authors) == ("Über Straßen", ["M. Müller"])
