"""Wikipedia and other wikis of MediaWiki: XML dumps, and wikitext to text.

names      what wikis call files, categories, redirects, disambiguations and sections of links, in many languages
elements   comments and extension tags of wikitext: out, or kept as they are
braces     templates and links, from the inside out
templates  what the templates stand for that stand for text
functions  parser functions and magic words
links      what a link shows
tables     tables as rows
layout     headings, lists and paragraphs
inline     bold and italic, external links, HTML tags, entities
text       wikitext to text: all of these in their order
export     the XML of a dump: its site and its pages
streams    a part of a dump that is packed in many streams, or not at all
dump       the reader
"""
