"""Which files of a folder are read as text: endings of markup, code and settings, and files without an ending.

The list is one, whether text is cleaned or not. What another reader takes apart (`formats.py`) is not in it.
"""

from __future__ import annotations

from pathlib import Path

from hornbook.corpus.readers.encodings import marked
from hornbook.corpus.readers.packed import BLOCK, other_format

_MARKUP = """
    mdown mkd mdx rst adoc asciidoc org textile wiki creole pod rdoc tex ltx latex sty cls bib bbl texi
    texinfo man me ms roff xml xsl xslt xsd dtd svg sgml docbook dita po pot text log
"""
_CODE = """
    py pyi pyx pxd pxi rpy js mjs cjs jsx ts mts cts tsx vue svelte astro coffee c h cc cpp cxx c++ hh hpp hxx
    h++ inl ipp tpp m mm cu cuh cl ino rs go java kt kts scala sc groovy gradle clj cljs cljc edn cs csx vb fs
    fsi fsx swift d dart zig nim nims v vh sv svh vhd vhdl rb rake gemspec erb php phtml pl pm t raku lua r rmd
    jl f f77 f90 f95 f03 f08 for ftn ada adb ads pas pp dpr lpr asm s nasm cob cbl cpy bas hs lhs ml mli mll mly
    elm purs idr agda lean thy erl hrl ex exs eex heex lisp lsp cl el scm ss rkt fnl hy tcl awk sed sh bash zsh
    fish ksh csh bat cmd ps1 psm1 psd1 sql psql pgsql plsql ddl dml prolog pro qml cmake mk mak am ac m4 ninja
    bzl bazel star sbt dockerfile glsl vert frag geom comp hlsl wgsl metal shader proto thrift fbs capnp graphql
    gql sol vy move cairo cypher sparql ttl n3 nt http rest feature robot jinja j2 jinja2 tmpl tpl mustache hbs
    ejs pug haml slim liquid css scss sass less styl postcss diff patch snap vim nix dhall rego ebnf bnf g4 y yy
    l ll lex wat as hx sas do ado stan bug mod gms mzn smt2 dot gv puml mmd
"""
_SETTINGS = """
    toml yaml yml ini cfg conf config properties env editorconfig gitignore gitattributes desktop service plist
    tf tfvars hcl nomad json5 jsonc geojson webmanifest rules list
"""
TEXT = frozenset(f".{name}" for name in f"{_MARKUP} {_CODE} {_SETTINGS}".split())


def starts_as_text(path: Path) -> bool:
    """Say whether a file without an ending, such as LICENSE or Makefile, begins as text does."""
    try:
        with path.open("rb") as stream:
            start = stream.read(BLOCK >> 8)
    except OSError:
        return False
    return begins_as_text(start)


def begins_as_text(start: bytes) -> bool:
    """Say whether these first bytes of a file are text."""
    return bool(start) and not other_format(start) and (b"\0" not in start or marked(start) is not None)
