"""Templates that stand for text, of many languages: which of their words are shown, or what is shown for them.

A page's dump does not hold its templates, so what they show is known by their names alone. The list is of those that
stand within sentences and are common; all others are left out. Source: the documentation of each on its wiki.
"""

from __future__ import annotations

from hornbook.corpus.readers.wiki.lists import names_of

# What the first part says.
FIRST = names_of(
    """
    nowrap | nobr | nobreak | no wrap | nowr | j | avoid wrap | small | smaller | big | larger | noitalic | nobold |
    normal | nocaps | strong | em | bold | b | i | italic | u | underline | strike | strikethrough | overline | mono |
    monospace | tt | code | kbd | var | mvar | math | big math | samp | sc | smallcaps | sc1 | sc2 | caps | allcaps |
    abbr | abbrlink | tooltip | hover title | hint | visible anchor | vanchor | unicode | polytonic | ipa-all |
    not a typo | typo | proper name | as written | chem2 | nts | number table sorting | formatnum | fmtn | num | nb |
    nombre | liczba | nastaliq | nq | naskh | hebrew | arabic | greek | runic | gothic | cuneiform |
    center | centre | centered |
    block indent | blockindent | align | rtl | ltr | bidi | rtl-para | verse | versebox | flag | flagcountry | flagu |
    flag+link | flaglink | flag country | country | yes | no | partial | won | nom | nominated | draw | good | bad |
    unknown | maybe | pending | rh | rowheader | active | inactive | success | failure | free | nonfree | proprietary |
    included | yes2 | no2 | table cell | harvtxt | versalita | versalitas | petit | maiuscoletto | kapitälchen |
    petites capitales | mot | terme | term | defn | gloss |
    補助漢字フォント | jis2004フォント | jis90フォント | ipaフォント |
    unicodeフォント | 僻字 |
    ударение | abréviation discrète | abd | abréviation | surligner | souligner | versal | hangul | hanja | nihongo2 |
    число | год | إنج | فرن | ألم | روس | nihongo foot |
    c | larger | x-larger | xx-larger | xxx-larger | xxxx-larger | x-smaller | xx-smaller | smaller block |
    larger block | fine block | fine | drop initial | dropinitial | di | initial | ppoem | block center | bc | right |
    hanging indent | letter-spacing | sp | uc | lsp | asc | small-caps |
    sub | ind | iast | юбр | lpd | red | green | blue | legend inline
    """
)
# What the second part says.
SECOND = names_of(
    """
    hws | hyphenated word start |
    lang | langue | язык | язык-текст | lang2 | idioma | lingua | sort | hs | script | wikt-lang | sprache | 언어 |
    زبان | لغة | taal | språk | jazyk | nyelv | język
    """
)
# Words that are always the same.
WORDS = {
    "!": "|", "=": "=", "(": "{", ")": "}", "pipe": "|", "'": "'", '"': '"', "`": "`", "'s": "'s", "' \"": "'\"",
    "\" '": "\"'", "·": " · ", "•": " • ", "dot": " · ", "middot": " · ", "bullet": " • ", "*": "•", "\\": " / ",
    "ndash": "–", "mdash": "—", "ndashb": " – ", "mdashb": " — ", "spnd": " – ", "snd": " – ", "spaced ndash": " – ",
    "sndash": " – ", "spaced en dash": " – ", "en dash": "–", "em dash": "—", "spaced mdash": " — ", "--": "—",
    "nbsp": "\xa0", "space": " ", "spaces": " ", "thinsp": "\u2009", "thin space": "\u2009", "hair space": "\u200a",
    "nnbsp": "\u202f", "zwsp": "\u200b", "zwj": "\u200d", "zwnj": "\u200c", "shy": "\xad", "wj": "\u2060",
    "dagger": "†", "double-dagger": "‡", "ddagger": "‡", "deg": "°", "degree": "°", "prime": "′", "pprime": "″",
    "pi": "π", "minus": "−", "plusminus": "±", "±": "±", "times": "×", "x mark": "✗", "check": "✓",
    "tick": "✓", "aye": "✓", "cross": "✗", "hash": "#", "ayin": "ʿ", "ayn": "ʿ", "hamza": "ʾ", "alif": "ʾ",
    "okina": "ʻ", "wakinaʻa": "ʻ", "saltillo": "ꞌ", "asper": "ʽ", "ø": "∅", "null": "∅", "ell": "ℓ", "ohm": "Ω",
    "co2": "CO2", "h2o": "H2O", "carbon dioxide": "CO2", "natural": "♮", "sharp": "♯", "flat": "♭", "euro": "€",
    "gap": " ", "...": "…", "ls": "ſ", "asterism": "⁂", "long dash": "——", "bar": "——",
    "crlf": "\n", "br": "\n", "break": "\n", "pb": "\n\n", "paragraph break": "\n\n", "para": "\n\n", "(!": "{|",
    "!)": "|}",
    "!-": "|-", "!!": "||", "((": "", "))": "", "ier": "Ier", "1er": "1er", "er": "er", "ère": "ère", "e": "e",
    "me": "e", "n°": "n°", "av jc": "av. J.-C.", "apr jc": "apr. J.-C.", "av. j.-c.": "av. J.-C.",
    "mme": "Mme", "mlle": "Mlle", "mgr": "Mgr", "ad": "AD", "bc": "BC", "bce": "BCE", "ce": "CE", "ah": "AH",
    "до н. э.": "до н. э.", "н. э.": "н. э.", "a.c.": "a.C.", "d.c.": "d.C.", "cda": "CDA", "dunno": "?",
    "yes": "Yes", "no": "No", "won": "Won", "nom": "Nominated", "draw": "Draw", "partial": "Partial",
    "pending": "Pending",
    "unknown": "Unknown", "maybe": "Maybe",
    "n/a": "N/A", "na": "N/A", "tba": "TBA", "tbd": "TBD", "ditto": "″", "numero": "№",
}  # fmt: skip
# Words beside the first part: {} is where it stands.
AROUND = {
    "circa": "c. {}", "c.": "c. {}", "ca": "c. {}", "ca.": "c. {}", "floruit": "fl. {}", "fl.": "fl. {}",
    "fl": "fl. {}",
    "born": "born {}", "died": "died {}", "b.": "b. {}", "d.": "d. {}", "approx": "approx. {}", "angbr": "⟨{}⟩",
    "angle brackets": "⟨{}⟩", "lautschrift": "[{}]", "guil": "« {} »", "guillemets": "« {} »",
    "quote mark": "“{}”", "siglo": "siglo {}", "séc": "século {}", "século": "século {}",
    "s": "{}e siècle", "siècle": "{}e siècle", "s-": "{}e siècle", "incise": "– {} –", "us$": "US${}", "usd": "US${}",
    "a$": "A${}", "aud": "A${}", "ca$": "CA${}", "cad": "CA${}", "nz$": "NZ${}", "hk$": "HK${}", "s$": "S${}",
    "£": "£{}",
    "gbp": "£{}", "€": "€{}", "eur": "€{}", "¥": "¥{}", "jpy": "¥{}", "cny": "CN¥{}", "₹": "₹{}", "inr": "₹{}",
    "rupee": "₹{}", "php": "₱{}", "peso": "₱{}", "rub": "{} RUB", "chf": "CHF {}", "₽": "{} ₽", "krw": "₩{}",
    "issn": "ISSN {}", "isbn": "ISBN {}", "oclc": "OCLC {}", "doi": "doi:{}", "pmid": "PMID {}", "arxiv": "arXiv:{}",
    "bibcode": "Bibcode:{}", "us patent": "US patent {}", "rfc": "RFC {}", "mp": "MP {}", "uss": "USS {}",
    "hms": "HMS {}",
    "hmas": "HMAS {}", "hmcs": "HMCS {}", "ss": "SS {}", "rms": "RMS {}", "mv": "MV {}", "ms": "MS {}", "ins": "INS {}",
    "sms": "SMS {}", "hmnzs": "HMNZS {}", "sclass": "{} class", "sqrt": "√{}", "radic": "√{}",
    "abs": "|{}|", "sic": "{} [sic]", "sic!": "{} [sic]", "interp": "[{}]", "bracket": "[{}]", "brackets": "[{}]",
}  # fmt: skip
# Adjectives by which a wiki in English calls the languages of {{lang-xx|...}} and {{langx|xx|...}}.
ENGLISH = dict(
    pair.split("=")
    for pair in """
    ar=Arabic|bg=Bulgarian|bn=Bengali|bo=Tibetan|ca=Catalan|cs=Czech|cy=Welsh|da=Danish|de=German|el=Greek|en=English|
    eo=Esperanto|es=Spanish|et=Estonian|eu=Basque|fa=Persian|fi=Finnish|fr=French|ga=Irish|gd=Scottish Gaelic|
    gl=Galician|grc=Ancient Greek|gu=Gujarati|he=Hebrew|hi=Hindi|hr=Croatian|hu=Hungarian|hy=Armenian|id=Indonesian|
    is=Icelandic|it=Italian|ja=Japanese|ka=Georgian|kk=Kazakh|km=Khmer|kn=Kannada|ko=Korean|ku=Kurdish|la=Latin|
    lt=Lithuanian|lv=Latvian|mk=Macedonian|ml=Malayalam|mn=Mongolian|mr=Marathi|ms=Malay|mt=Maltese|my=Burmese|
    ne=Nepali|nl=Dutch|no=Norwegian|oc=Occitan|pa=Punjabi|pl=Polish|ps=Pashto|pt=Portuguese|ro=Romanian|ru=Russian|
    sa=Sanskrit|si=Sinhala|sk=Slovak|sl=Slovene|sq=Albanian|sr=Serbian|sv=Swedish|sw=Swahili|ta=Tamil|te=Telugu|
    th=Thai|tl=Tagalog|tr=Turkish|uk=Ukrainian|ur=Urdu|uz=Uzbek|vi=Vietnamese|yi=Yiddish|zh=Chinese
    """.replace("\n", "").replace("    ", "").strip().split("|")
)  # fmt: skip
# How {{convert}} writes its units, where that differs from how they are given.
UNITS = {
    "c": "°C", "f": "°F", "k": "K", "sqmi": "sq mi", "sqft": "sq ft", "sqin": "sq in", "sqyd": "sq yd", "cuft": "cu ft",
    "cuin": "cu in", "cuyd": "cu yd", "cumi": "cu mi", "km2": "km2", "acre": "acres", "acres": "acres",
    "acre.ft": "acre⋅ft",
    "usgal": "US gallons", "impgal": "imperial gallons", "usoz": "US fl oz", "long ton": "long tons", "lt": "long tons",
    "short ton": "short tons", "st": "short tons", "t": "tonnes", "impoz": "imp fl oz", "mile": "miles", "kn": "knots",
    "foot": "feet", "mph": "mph", "kph": "km/h", "nmi": "nautical miles", "lbf": "lbf", "bbl": "barrels", "hp": "hp",
    "deg": "°", "in2": "sq in", "ft2": "sq ft", "mi2": "sq mi", "psi": "psi", "ly": "light-years",
}  # fmt: skip
