"""The language of a file: by its name, its first line, its modeline and what it holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hornbook.corpus.readers.code.languages import endings, kind_of, language_of

# Names that tell it alone.
NAMES = """
a.py Python|a.pyi Python|a.pyx Cython|a.js JavaScript|a.mjs JavaScript|a.cjs JavaScript|a.jsx JavaScript
a.mts TypeScript|a.tsx TSX|a.vue Vue|a.svelte Svelte|a.c C|a.cc C++|a.cpp C++|a.cxx C++|a.hpp C++|a.cu Cuda
a.java Java|a.kt Kotlin|a.kts Kotlin|a.scala Scala|a.groovy Groovy|a.go Go|a.swift Swift|a.dart Dart|a.zig Zig
a.nim Nim|a.rb Ruby|a.gemspec Ruby|a.lua Lua|a.jl Julia|a.hs Haskell|a.elm Elm|a.erl Erlang|a.exs Elixir|a.clj Clojure
a.rkt Racket|a.el Emacs Lisp|a.sh Shell|a.bash Shell|a.fish fish|a.ps1 PowerShell|a.bat Batchfile|a.awk Awk|a.sed sed
a.tcl Tcl|a.vim Vim script|a.tex TeX|a.sty TeX|a.bib BibTeX|a.rst reStructuredText|a.adoc AsciiDoc|a.org Org|a.css CSS
a.scss SCSS|a.less Less|a.html HTML|a.xml XML|a.xsl XSLT|a.svg SVG|a.json JSON|a.toml TOML|a.ini INI|a.csv CSV
a.proto Protocol Buffer|a.graphql GraphQL|a.tf HCL|a.nix Nix|a.cmake CMake|a.mk Makefile|a.diff Diff|a.patch Diff
a.ipynb Jupyter Notebook|a.f90 Fortran Free Form|a.adb Ada|a.cob COBOL|a.vhd VHDL|a.sv SystemVerilog|a.glsl GLSL
a.hlsl HLSL|a.wgsl WGSL|Makefile Makefile|Dockerfile Dockerfile|CMakeLists.txt CMake|Rakefile Ruby|Gemfile Ruby
Jenkinsfile Groovy|BUILD.bazel Starlark|SConstruct Python|go.mod Go Module|Vagrantfile Ruby|meson.build Meson
Cargo.lock TOML|pom.xml Maven POM|README.md Markdown|README Text|LICENSE Text|AUTHORS Text|LICENSE-MIT Text
Dockerfile.dev Dockerfile|config.h.in C|A.PY Python|requirements.txt Pip Requirements|.vimrc Vim script
a.wat WebAssembly|a.sol Solidity|a.move Move|a.lean Lean|a.agda Agda|a.idr Idris|a.unknown |a |notes.txt Text
""".replace("\n", "|").strip("|")

# Endings that several languages share, first lines, and lines for editors.
CONTENTS = [
    ("a.h", "int f(void);\n", "C"),
    ("a.h", "namespace a {\nclass B;\n}\n", "C++"),
    ("a.h", "#include <vector>\n", "C++"),
    ("a.h", "@interface A : NSObject\n@end\n", "Objective-C"),
    ("a.h", "#import <Foundation/Foundation.h>\n", "Objective-C"),
    ("a.m", "#import \"a.h\"\n@implementation A\n@end\n", "Objective-C"),
    ("a.m", "function y = f(x)\n  y = x.^2;\nend\n", "MATLAB"),
    ("a.m", "% a plot\nx = 1:10;\n", "MATLAB"),
    ("a.m", "BeginPackage[\"A`\"]\nf[x_] := x + 1\n", "Wolfram Language"),
    ("a.m", ":- module a.\n:- interface.\n", "Mercury"),
    ("a.m", "tag ; a routine\n ; of M\n new x\n", "M"),
    ("a.pl", "#!/usr/bin/perl\nuse strict;\nmy $x = 1;\n", "Perl"),
    ("a.pl", "use warnings;\nsub f { return $_[0] }\n", "Perl"),
    ("a.pl", "parent(tom, bob).\ngrand(X, Z) :- parent(X, Y), parent(Y, Z).\n", "Prolog"),
    ("a.pl", "use v6;\nsay 'hi';\n", "Raku"),
    ("a.pm", "package A::B;\nuse strict;\n1;\n", "Perl"),
    ("a.pm", "/* XPM */\nstatic char *a[] = {\n", "X PixMap"),
    ("a.t", "use Test::More;\nok(1);\n", "Perl"),
    ("a.t", "use v6;\nuse Test;\n", "Raku"),
    ("a.v", "module m(input a);\nendmodule\n", "Verilog"),
    ("a.v", "Require Import List.\nTheorem t : True.\nProof. exact I. Qed.\n", "Rocq Prover"),
    ("a.v", "module main\n\nfn main() {\n\tprintln('x')\n}\n", "V"),
    ("a.r", "x <- c(1, 2)\n", "R"),
    ("a.r", "REBOL [Title: \"x\"]\n", "Rebol"),
    ("a.rs", "fn main() {}\n", "Rust"),
    ("a.rs", "#pragma version(1)\n#pragma rs java_package_name(a)\n", "RenderScript"),
    ("a.ts", "export const a: number = 1;\n", "TypeScript"),
    ("a.ts", "<?xml version=\"1.0\"?>\n<!DOCTYPE TS>\n<TS version=\"2.1\">\n", "XML"),
    ("a.tsx", "<?xml version=\"1.0\"?>\n<tileset/>\n", "XML"),
    ("a.md", "# Title\n\nWords.\n", "Markdown"),
    ("a.md", ";; GCC\n(define_insn \"a\"\n", "GCC Machine Description"),
    ("a.inc", "<?php\necho 1;\n", "PHP"),
    ("a.inc", "#include <stdio.h>\nstatic int a;\n", "C++"),
    ("a.inc", "SRC_URI = \"git://x\"\ninherit cmake\n", "BitBake"),
    ("a.inc", "  mov ax, 1\n  int 21h\n", "Assembly"),
    ("a.inc", "procedure P;\nbegin\nend;\n", "Pascal"),
    ("a.inc", "#declare A = 1;\n", "POV-Ray SDL"),
    ("a.sql", "SELECT 1;\n", "SQL"),
    ("a.sql", "CREATE FUNCTION f() RETURNS trigger AS $$\nBEGIN\nEND;\n$$ LANGUAGE plpgsql;\n", "PLpgSQL"),
    ("a.sql", "CREATE OR REPLACE PACKAGE p IS\nEND;\n", "PLSQL"),
    ("a.sql", "SELECT 1\nGO\n", "TSQL"),
    ("a.cls", "\\NeedsTeXFormat{LaTeX2e}\n\\ProvidesClass{a}\n", "TeX"),
    ("a.cls", "public class A {\n}\n", "Apex"),
    ("a.cls", "VERSION 1.0 CLASS\nBEGIN\n  MultiUse = -1\nEND\nAttribute VB_Name = \"A\"\n", "VBA"),
    ("a.cls", "Class A.B Extends %Persistent\n{\n}\n", "ObjectScript"),
    ("a.fs", "module A\nlet x = 1\n", "F#"),
    ("a.fs", ": SQUARE ( n -- n ) dup * ;\n", "Forth"),
    ("a.fs", "#version 330\nvoid main() {}\n", "GLSL"),
    ("a.as", "package a {\n  public class B {}\n}\n", "ActionScript"),
    ("a.as", "void main() {\n  array<int> a;\n}\n", "AngelScript"),
    ("a.pro", "QT += core\nSOURCES += main.cpp\n", "QMake"),
    ("a.pro", "-keep class a.B { *; }\n", "Proguard"),
    ("a.pro", "append([], L, L).\nappend([H|T], L, [H|R]) :- append(T, L, R).\n", "Prolog"),
    ("a.pro", "pro plot_it\n  compile_opt idl2\nend\n", "IDL"),
    ("a.d", "module a;\nimport std.stdio;\n", "D"),
    ("a.d", "a.o: a.c a.h\n", "Makefile"),
    ("a.d", "syscall::open:entry\n{\n}\n", "DTrace"),
    ("a.s", "\t.text\n\t.globl main\nmain:\n\tmovl $1, %eax\n", "Unix Assembly"),
    ("a.f", "      PROGRAM A\n      END\n", "Fortran"),
    ("a.f", ": f dup ;\n", "Forth"),
    ("a.ml", "let rec f x = match x with\n  | [] -> 0\n", "OCaml"),
    ("a.ml", "fun f x = case x of\n  [] => 0\n", "Standard ML"),
    ("a.php", "<?php echo 1;\n", "PHP"),
    ("a.php", "<?hh\n", "Hack"),
    ("a.ex", "defmodule A do\nend\n", "Elixir"),
    ("a.cl", "(defun f (x) x)\n", "Common Lisp"),
    ("a.cl", "__kernel void f() {}\n", "OpenCL"),
    ("a.gd", "extends Node\nfunc f():\n\tpass\n", "GDScript"),
    ("a.gd", "DeclareOperation(\"f\", [IsInt]);\n", "GAP"),
    ("a.l", "%{\n#include <stdio.h>\n%}\n%%\n", "Lex"),
    ("a.l", ".TH A 1\n.SH NAME\n", "Roff"),
    ("a.mm", "#import <A/A.h>\n@implementation A\n@end\n", "Objective-C++"),
    ("a.mm", "<?xml version=\"1.0\"?>\n<map/>\n", "XML"),
    ("a.1", ".TH LS 1\n.SH NAME\nls\n", "Roff Manpage"),
    ("a.1", "Words alone.\n", "Text"),
    ("a.cs", "using System;\n", "C#"),
    ("a.cs", "!Object methodsFor: 'x'!\n", "Smalltalk"),
    ("a.bas", "10 PRINT \"HI\"\n20 GOTO 10\n", "BASIC"),
    ("a.yaml", "openapi: 3.0.1\ninfo: {}\n", "OASv3-yaml"),
    ("a.yaml", "a: 1\n", "YAML"),
    ("a.tpl", "{{ if .A }}x{{ end }}\n", "Go Template"),
    ("a.tpl", "{foreach $a as $b}{/foreach}\n", "Smarty"),
    ("run", "#!/usr/bin/env python3\nprint()\n", "Python"),
    ("run", "#!/usr/bin/python3.11 -u\n", "Python"),
    ("run", "#!/bin/sh\n", "Shell"),
    ("run", "#!/usr/bin/env -S node --no-warnings\n", "JavaScript"),
    ("run", "#!/usr/bin/env A=1 ruby\n", "Ruby"),
    ("run", "#! /usr/bin/perl -w\n", "Perl"),
    ("run.cgi", "#!/usr/bin/env python\nimport cgi\n", "Python"),
    ("run", "<?xml version=\"1.0\"?>\n<a/>\n", "XML"),
    ("rc", "\" vim: set ft=vim:\nset nocompatible\n", "Vim script"),
    ("site", "# -*- mode: python -*-\nx = 1\n", "Python"),
    ("site", "// -*- C++ -*-\n", "C++"),
    ("a.h", "// -*- C++ -*-\nint a;\n", "C++"),
    ("a.h", "int a;\r\nclass B {\r\n};\r\n", "C++"),
]  # fmt: skip


def test_there_are_enough_cases() -> None:
    assert len(NAMES.split("|")) + len(CONTENTS) >= 200


@pytest.mark.parametrize("case", NAMES.split("|"))
def test_names_tell_the_language(case: str) -> None:
    name, _, language = case.partition(" ")
    assert language_of(name, "words\n") == language


@pytest.mark.parametrize(("name", "text", "language"), CONTENTS)
def test_contents_tell_the_language(name: str, text: str, language: str) -> None:
    assert language_of(name, text) == language


@given(some.sampled_from(sorted(endings())), some.text(max_size=200))
def test_every_ending_has_a_language_of_a_known_kind_whatever_the_text(ending: str, text: str) -> None:
    language = language_of(f"a.{ending}", text)
    assert kind_of(language) in ("programming", "markup", "data", "prose")


@pytest.mark.parametrize("piece", ["\n", "  \n", "a ", "class a\n", "\t", "<a ", "x=", "% ", "-", "proc a("])
def test_rules_take_linear_time(piece: str) -> None:
    text = piece * 20_000
    for ending in sorted(endings()):
        language_of(f"a.{ending}", text)
