"""Mixes that papers and cards name: which domains, with which weights, and what was not disclosed.

Numbers are as printed in the source that each mix names. Most were compared with it, or a copy, in 2026 (not those of
T5, GPT-2, BLOOM). A weight is a share of what was read, in percent, unless `weights` says otherwise; ratios count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_STANDS_IN = {
    "web": "Common Crawl: `hornbook corpus build wet.paths.gz --root MIRROR`, or FineWeb (hf://HuggingFaceFW/fineweb)",
    "c4": "C4 as published: c4-train.*.json.gz of allenai/c4",
    "webtext": "never released; OpenWebText (hf://Skylion007/openwebtext) was made in the same way",
    "books": "Project Gutenberg: texts, HTML, EPUB or a mirror (books whose copyright has ended)",
    "books3": "withdrawn in 2023 for copyright; Project Gutenberg stands in",
    "unknown books": "never said which; Project Gutenberg stands in",
    "wikipedia": "a dump of Wikipedia: *-pages-articles-multistream.xml.bz2",
    "code": "checkouts of git or a folder of projects; or The Stack (hf://bigcode/the-stack-dedup)",
    "arxiv": "source tars of arXiv (arXiv_src_*.tar)",
    "papers": "JATS files of PubMed Central (oa_comm), or S2ORC",
    "answers": "a dump of Stack Exchange: SITE.7z with Posts.xml",
    "news": "CC-NEWS, the news crawl of Common Crawl: WARC files below crawl-data/CC-NEWS/",
    "refinedweb": "RefinedWeb as published: parquet of tiiuae/falcon-refinedweb (an extract of a tenth)",
    "none": "no source here; bring JSON lines of your own",
    "closed": "not public; no source stands in",
}


@dataclass(frozen=True)
class Domain:
    """One part of a mix.

    name    as mix.domain and the paths of the recipe call it
    weight  its share, 0 = not disclosed
    epochs  how often it was read, 0 = not disclosed
    tokens  its size in billions of tokens, 0 = not disclosed
    source  what has such text here, or stands in for it
    """

    name: str
    weight: float
    epochs: float = 0.0
    tokens: float = 0.0
    source: str = ""


@dataclass(frozen=True)
class Mix:
    """What was disclosed of one model's or corpus's text.

    name         as `corpus recipes` and mix.rule call it
    title        the model or corpus
    year         when it was published
    place        where the numbers stand
    weights      what the weights are
    trained      billions of tokens that the model read, 0 = not disclosed
    undisclosed  what is not said, not public any longer, or at odds
    domains      the parts; none where nothing was disclosed
    """

    name: str
    title: str
    year: int
    place: str
    weights: str
    trained: float
    undisclosed: str
    domains: tuple[Domain, ...]

    @property
    def disclosed(self) -> bool:
        """Whether every domain has a weight."""
        return bool(self.domains) and all(item.weight > 0 for item in self.domains)


def _parts(text: str) -> tuple[Domain, ...]:
    """Read domains: a line each of name, weight, epochs, tokens and the key of what stands in."""
    domains = []
    for line in text.strip().splitlines():
        name, weight, epochs, tokens, source = line.split(None, 4)
        domains.append(Domain(name, float(weight), float(epochs), float(tokens), _STANDS_IN[source]))
    return tuple(domains)


_SHARE = "percent of what was read"
_SIZE = "sizes in billions of tokens; how often each was read is not said"
_PILE = """
    pile-cc           18.11 1.0 0 web
    pubmed-central    14.40 2.0 0 papers
    books3            12.07 1.5 0 books3
    openwebtext2      10.01 2.0 0 webtext
    arxiv              8.96 2.0 0 arxiv
    github             7.59 1.0 0 code
    freelaw            6.12 1.5 0 none
    stackexchange      5.13 2.0 0 answers
    uspto              3.65 2.0 0 none
    pubmed-abstracts   3.07 2.0 0 papers
    gutenberg          2.17 2.5 0 books
    opensubtitles      1.55 1.5 0 none
    wikipedia          1.53 3.0 0 wikipedia
    dm-mathematics     1.24 2.0 0 none
    ubuntu-irc         0.88 2.0 0 none
    bookcorpus2        0.75 1.5 0 unknown books
    europarl           0.73 2.0 0 none
    hackernews         0.62 2.0 0 none
    youtubesubtitles   0.60 2.0 0 none
    philpapers         0.38 2.0 0 none
    nih-exporter       0.30 2.0 0 none
    enron-emails       0.14 2.0 0 none
"""

MIXES: tuple[Mix, ...] = (
    Mix(
        "gpt3", "GPT-3", 2020, "Brown et al. 2020, table 2.2", f"{_SHARE}; they add up to 101 there, by rounding", 300,
        "WebText2 was never released. Books1 and Books2 are two collections of books from the internet; which, is"
        " not said.",
        _parts("""
            commoncrawl 60 0.44 410 web
            webtext2    22 2.9   19 webtext
            books1       8 1.9   12 unknown books
            books2       8 0.43  55 unknown books
            wikipedia    3 3.4    3 wikipedia
        """),
    ),
    Mix(
        "llama1", "LLaMA 1", 2023, "Touvron et al. 2023 (February), table 1", _SHARE, 1400,
        "Epochs are for 1.4 trillion tokens (33B and 65B); 7B and 13B read 1.0 trillion. Books are Gutenberg and "
        "Books3, which was withdrawn. The text itself was not released.",
        _parts("""
            commoncrawl   67  1.10 0 web
            c4            15  1.06 0 c4
            github        4.5 0.64 0 code
            wikipedia     4.5 2.45 0 wikipedia
            books         4.5 2.23 0 books3
            arxiv         2.5 1.06 0 arxiv
            stackexchange 2   1.03 0 answers
        """),
    ),
    Mix(
        "pile", "The Pile; GPT-Neo, GPT-J, GPT-NeoX and Pythia read it", 2020, "Gao et al. 2020, table 1", _SHARE, 0,
        "Epochs are passes over each part in one pass over the Pile. GPT-Neo 2.7B read 420 billion tokens, GPT-J "
        "402 (their cards). Books3, and with it the Pile as a file, was withdrawn in 2023.",
        _parts(_PILE),
    ),
    Mix(
        "redpajama", "RedPajama-1T", 2023, "card of togethercomputer/RedPajama-Data-1T", _SIZE, 0,
        "A rebuilt LLaMA corpus; no weights are named, so sizes are taken. Its part of books was taken back in "
        "2023.",
        _parts("""
            commoncrawl   878 0 878 web
            c4            175 0 175 c4
            github         59 0  59 code
            arxiv          28 0  28 arxiv
            books          26 0  26 books3
            wikipedia      24 0  24 wikipedia
            stackexchange  20 0  20 answers
        """),
    ),
    Mix(
        "slimpajama", "SlimPajama-627B", 2023, "card of cerebras/SlimPajama-627B", "percent, as printed there", 0,
        "RedPajama-1T without copies; how often each part is read is left to the model.",
        _parts("""
            commoncrawl   52.2 0 0 web
            c4            26.7 0 0 c4
            github         5.2 0 0 code
            arxiv          4.6 0 0 arxiv
            books          4.2 0 0 books3
            wikipedia      3.8 0 0 wikipedia
            stackexchange  3.3 0 0 answers
        """),
    ),
    Mix(
        "gopher", "Gopher, MassiveText", 2021, "Rae et al. 2021, table 2", _SHARE, 300,
        "MassiveText was not released; MassiveWeb is a crawl of its own.",
        _parts("""
            massiveweb 48 0 506 web
            books      27 0 560 unknown books
            c4         10 0 182 c4
            news       10 0 676 news
            github      3 0 422 code
            wikipedia   2 0   4 wikipedia
        """),
    ),
    Mix(
        "chinchilla", "Chinchilla, MassiveText", 2022, "Hoffmann et al. 2022, table A1", _SHARE, 1400,
        "The same text as Gopher's with other weights; it was not released.",
        _parts("""
            massiveweb 45 1.24 506 web
            books      30 0.75 560 unknown books
            c4         10 0.77 182 c4
            news       10 0.21 676 news
            github      4 0.13 422 code
            wikipedia   1 3.40   4 wikipedia
        """),
    ),
    Mix(
        "palm", "PaLM", 2022, "Chowdhery et al. 2022, table 2", _SHARE, 780,
        "Nothing of it was released. Conversations, web pages and Wikipedia are in over 100 languages; which "
        "websites the conversations are from, is not said. No part was read twice (section 5).",
        _parts("""
            conversations 50 1 0 closed
            web           27 1 0 web
            books         13 1 0 unknown books
            github         5 1 0 code
            wikipedia      4 1 0 wikipedia
            news           1 1 0 news
        """),
    ),
    Mix(
        "falcon", "Falcon 40B", 2023, "card of tiiuae/falcon-40b", _SHARE, 1000,
        "A tenth of RefinedWeb was released, none of the other parts. Conversations are Reddit, Stack Overflow "
        "and Hacker News; technical text is arXiv, PubMed, USPTO and others. Epochs are not said.",
        _parts("""
            refinedweb        75 0 750 refinedweb
            refinedweb-europe  7 0  70 web
            books              6 0  60 unknown books
            conversations      5 0  50 answers
            code               5 0  50 code
            technical          2 0  20 arxiv
        """),
    ),
    Mix(
        "dolma", "Dolma 1.7; OLMo 7B 1.7 read it", 2024, "card of allenai/dolma, version 1.7",
        "billions of OLMo tokens times the share or number of passes that the card names", 0,
        "The card prints half of C4; its makers say that all was read (discussion 36 of the card), and so the rows "
        "add up to its 1,715 billion tokens. Of version 1.5 OLMo 7B read a sample of other, unprinted shares.",
        _parts("""
            commoncrawl    597.75 0.5 1195.5 web
            refinedweb     456.4  1    456.4 refinedweb
            starcoder      263.8  1    263.8 code
            reddit          79.9  1     79.9 closed
            c4             138.4  1    138.4 c4
            pes2o           57.2  1     57.2 papers
            arxiv           28.0  1     28.0 arxiv
            stackexchange   19.6  1     19.6 answers
            flan            16.5  1     16.5 none
            ccnews          14.3  1     14.3 news
            openwebmath     12.6  1     12.6 none
            algebraicstack  12.6  1     12.6 code
            wikipedia        7.4  2      3.7 wikipedia
            gutenberg        5.3  1      5.3 books
            megawika         4.6  1      4.6 none
        """),
    ),
    Mix(
        "smollm2", "SmolLM2 1.7B, the first of four stages", 2025, "Ben Allal et al. 2025, section 4.2", _SHARE, 11000,
        "The first stage is 6 of 11 trillion tokens: 90 % web (60 to 40) and 10 % code. The last trillion has 58 "
        "% web, 24 % code, 14 % mathematics and 4 % Cosmopedia (section 4.5): set mix.late for the end of a run.",
        _parts("""
            fineweb-edu   54 0 0 web
            dclm          36 0 0 web
            starcoderdata 10 0 0 code
        """),
    ),
    Mix(
        "bert", "BERT", 2018, "Devlin et al. 2018, section 3.1", "sizes in millions of words, read alike often", 0,
        "BooksCorpus is no longer handed out by its makers.",
        _parts("""
            wikipedia  2500 40 0 wikipedia
            bookcorpus  800 40 0 unknown books
        """),
    ),
    Mix(
        "roberta", "RoBERTa", 2019, "Liu et al. 2019, section 3.2", "sizes in GB of text", 0,
        "How often each part was read is not said.",
        _parts("""
            cc-news                  76 0 0 news
            openwebtext              38 0 0 webtext
            stories                  31 0 0 web
            bookcorpus-and-wikipedia 16 0 0 wikipedia
        """),
    ),
    Mix(
        "t5", "T5", 2019, "Raffel et al. 2020, sections 2.2 and 3.1.2", _SHARE, 34,
        "The baseline reads 2^35 tokens of C4, less than one pass; the largest models read a trillion.",
        _parts("c4 100 0 0 c4"),
    ),
    Mix(
        "gpt2", "GPT-2", 2019, "Radford et al. 2019, section 2.1", _SHARE, 0,
        "WebText (8 million pages, 40 GB) was never released, and how long the models were trained is not said.",
        _parts("webtext 100 0 0 webtext"),
    ),
    Mix(
        "opt", "OPT", 2022, "Zhang et al. 2022, section 2.3", "not disclosed", 300,
        "The corpus has 180 billion tokens; the 175B model read 300 billion (facebookresearch/metaseq, OPT/chronicles)"
        ". Shares are not said. Of the Pile it takes Common Crawl, DM Mathematics, Gutenberg, Hacker News, "
        "OpenSubtitles, OpenWebText2, USPTO and Wikipedia.",
        _parts("""
            bookcorpus 0 0 0 unknown books
            stories    0 0 0 web
            ccnewsv2   0 0 0 news
            pile       0 0 0 web
            reddit     0 0 0 closed
        """),
    ),
    Mix(
        "bloom", "BLOOM, ROOTS", 2022, "BigScience 2022; Laurençon et al. 2022", "percent of bytes", 366,
        "The paper gives bytes by language (46, and 13 programming languages), not by kind: 38 % of the bytes are"
        " OSCAR, a crawl, 62 % are sources that people chose. Parts are handed out on request.",
        _parts("""
            oscar   38 0 0 web
            sources 62 0 0 none
        """),
    ),
    Mix(
        "starcoder", "StarCoderBase", 2023, "Li et al. 2023, tables 1 and 2", "percent of its bytes", 1000,
        "86 programming languages of The Stack 1.2 by size, but for JSON, YAML and CSS; the tables have the share of "
        "each (Java 11.3, Markdown 9.8, JavaScript 8.4, PHP 7.9, Python 7.9). It read them about four times.",
        _parts("""
            code      87.025 4 0 code
            issues     7.093 4 0 none
            commits    4.172 4 0 none
            notebooks  1.71  4 0 code
        """),
    ),
    Mix(
        "llama3", "Llama 3", 2024, "Grattafiori et al. 2024, section 3.1.2", f"{_SHARE}, \"roughly\"", 15600,
        "Only these four kinds are named; no source is.",
        _parts("""
            general      50 0 0 web
            mathematics  25 0 0 none
            code         17 0 0 code
            multilingual  8 0 0 web
        """),
    ),
    Mix(
        "phi", "phi-1.5", 2023, "Li et al. 2023, sections 2.2 and 2.3", _SHARE, 150,
        "20 billion tokens of textbooks that models wrote, and the 7 billion of phi-1: 6 of filtered code, 1 written. "
        "Neither the texts nor the prompts were released.",
        _parts("""
            synthetic 80 0 20 closed
            phi-1     20 0  7 closed
        """),
    ),
    Mix("llama2", "Llama 2", 2023, "Touvron et al. 2023 (July), section 2.1", "not disclosed", 2000,
        "Publicly available sources, none of them named; the most factual ones were read more often.", ()),
    Mix("mistral", "Mistral 7B", 2023, "Jiang et al. 2023", "not disclosed", 0, "Nothing is said of its text.", ()),
    Mix("qwen", "Qwen, Qwen2, Qwen2.5", 2023, "Bai et al. 2023, section 2.1; Yang et al. 2024", "not disclosed", 3000,
        "Kinds are named (web, encyclopedias, books, code), shares and sources are not. Qwen2.5 read 18 trillion.", ()),
    Mix("gemma", "Gemma 7B", 2024, "Gemma Team 2024, section on training data", "not disclosed", 6000,
        "Web documents, mathematics and code, mostly English; shares and sources are not named.", ()),
    Mix("gpt4", "GPT-4", 2023, "OpenAI 2023, section 2", "not disclosed", 0,
        "Public and licensed data; the report says that it tells nothing more of them, on purpose.", ()),
)  # fmt: skip
PUBLISHED: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {mix.name: {item.name: item.weight for item in mix.domains} for mix in MIXES if mix.disclosed}
)
