"""Tars as arXiv publishes them: a folder of a month, in it papers, each a .gz of one file or of a tar."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

MAIN = r"""\documentclass{article}
\usepackage{own}
\title{On Things\thanks{Funded.}}
\author{Ada Lovelace\inst{1} \and Charles Babbage\\ London}
\begin{document}
\maketitle
\begin{abstract}
Things are \emph{good}.
\end{abstract}
\input{sections/intro}
\include{sections/end.tex}
\bibliography{refs}
\end{document}
"""
PARTS = {
    "main.tex": MAIN,
    "own.sty": r"\newcommand{\R}{\mathbb{R}}",
    "sections/intro.tex": "\\section{Intro}\nWe work in $\\R^n$ \\cite{x}. % a comment\n",
    "sections/end.tex": "\\section{End}\nDone.\n",
    "figure.eps": "%!PS-Adobe\n",
    "main.bbl": "\\bibitem{x} A book.",
}
PARTS_TEXT = """On Things

Abstract

Things are good.

Intro

We work in $\\mathbb{R}^n$.

End

Done."""


def tar_of(files: Mapping[str, str | bytes | tarfile.TarInfo]) -> bytes:
    """Return a tar of files, given as text, bytes or a header alone."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
                continue
            data = content.encode() if isinstance(content, str) else content
            item = tarfile.TarInfo(name)
            item.size = len(data)
            tar.addfile(item, io.BytesIO(data))
    return out.getvalue()


def packed(data: str | bytes) -> bytes:
    return gzip.compress(data.encode() if isinstance(data, str) else data, mtime=0)


def header(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """Return the header of a link or device."""
    item = tarfile.TarInfo(name)
    item.type, item.linkname = kind, target
    return item


def arxiv_tar(path: Path, papers: Mapping[str, bytes]) -> Path:
    """Write a tar whose first member is the folder of the month, as arXiv's are."""
    month = path.name.split("_")[2]
    folder = tarfile.TarInfo(month)
    folder.type = tarfile.DIRTYPE
    path.write_bytes(tar_of({month: folder, **{f"{month}/{name}": data for name, data in papers.items()}}))
    return path
