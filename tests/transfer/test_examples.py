"""Files of examples: which task they hold, each format alike, and a sentence with the line for what is wrong."""

import gzip
import json

import pytest

from hornbook.errors import UserError
from hornbook.transfer.examples import Asked, Classified, Tagged, Written, load_examples

LABELLED = [{"text": "good film", "label": "yes"}, {"text": "a , quoted film", "label": "no"}]
CONTEXT = "Čapek wrote R.U.R. in 1920; Čapek died in 1938."


def lines(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def write(path, text):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def complaint(path, task=""):
    with pytest.raises(UserError) as error:
        load_examples(path, task)
    assert error.value.exit_code == 2
    message = str(error.value)
    assert str(path) in message and "\n" not in message
    return message.replace(f"{path}", "F")


def test_every_format_gives_the_same_examples(tmp_path):
    files = [
        lines(tmp_path / "a.jsonl", *LABELLED),
        write(tmp_path / "a.json", json.dumps(LABELLED)),
        write(tmp_path / "b.json", json.dumps({"version": 1, "data": LABELLED})),
        lines(tmp_path / "c.json", *LABELLED),
        write(tmp_path / "a.tsv", "text\tlabel\ngood film\tyes\na , quoted film\tno\n"),
        write(tmp_path / "b.tsv", "label\tother\ttext\r\nyes\t\tgood film\r\nno\t\ta , quoted film"),
        write(tmp_path / "a.csv", 'text,label\ngood film,yes\n"a , quoted film",no\n'),
        write(tmp_path / "b.csv", "\ufefftext;label\ngood film;yes\na , quoted film;no\n"),
        write(tmp_path / "a.tsv.gz", gzip.compress(b"sentence\tlabel\ngood film\tyes\na , quoted film\tno\n")),
    ]
    found = [load_examples(path) for path in files]
    expected = [("good film", None, "yes"), ("a , quoted film", None, "no")]
    assert [[(item.text, item.other, item.label) for item in each.items] for each in found] == [expected] * len(files)
    assert {each.task for each in found} == {"classify"}


@pytest.mark.parametrize(
    ("record", "task", "item"),
    [
        ({"text": "a", "label": 1}, "classify", Classified("1", "a", None, "1")),
        ({"text": "a"}, "classify", Classified("1", "a", None, None)),
        ({"text": "a", "label": True}, "classify", Classified("1", "a", None, "true")),
        ({"text_a": "a", "text_b": "b", "label": "x"}, "pairs", Classified("1", "a", "b", "x")),
        ({"idx": 7, "premise": "a", "hypothesis": "b", "label": 2}, "pairs", Classified("7", "a", "b", "2")),
        ({"sentence1": "a", "sentence2": "b"}, "pairs", Classified("1", "a", "b", None)),
        ({"question": "q", "sentence": "s", "label": "entailment"}, "pairs", Classified("1", "q", "s", "entailment")),
        ({"passage": "p", "question": "q", "label": "no"}, "pairs", Classified("1", "q", "p", "no")),
        ({"tokens": ["A", "b"], "tags": ["B-x", "O"]}, "tag", Tagged("1", ("A", "b"), ("B-x", "O"))),
        ({"tokens": ["A", "b"]}, "tag", Tagged("1", ("A", "b"), None)),
        (
            {"id": "q7", "context": "in 1920", "question": "when", "answers": {"text": ["1920"], "answer_start": [3]}},
            "answer",
            Asked("q7", "in 1920", "when", (("1920", 3),)),
        ),
        (
            {"context": "in 1920", "question": "when", "answers": {"text": [], "answer_start": []}},
            "answer",
            Asked("1", "in 1920", "when", ()),
        ),
        ({"context": "in 1920", "question": "when"}, "answer", Asked("1", "in 1920", "when", None)),
        ({"source": "a", "target": "b"}, "write", Written("1", "a", "b")),
        ({"instruction": "i", "input": "", "output": "o"}, "instruct", Written("1", "Instruction: i\nAnswer:", "o")),
        (
            {"instruction": "i {input}", "input": "{x}", "output": "o"},
            "instruct",
            Written("1", "Instruction: i {input}\nInput: {x}\nAnswer:", "o"),
        ),
        ({"text": "a", "label": "x", "source": "web"}, "classify", Classified("1", "a", None, "x")),
    ],
)
def test_fields_say_which_task_it_is(record, task, item, tmp_path):
    found = load_examples(lines(tmp_path / "t.jsonl", record))
    assert (found.task, found.items) == (task, (item,))


def test_squad_nests_and_repeats_its_answers(tmp_path):
    asked = {"id": "a", "question": "when", "answers": [{"text": "1920", "answer_start": 22}] * 3}
    none = {"id": "b", "question": "why", "is_impossible": True, "answers": [], "plausible_answers": [{"text": "R"}]}
    nested = {"data": [{"title": "t", "paragraphs": [{"context": CONTEXT, "qas": [asked, none]}]}]}
    found = load_examples(write(tmp_path / "squad.json", json.dumps(nested)))
    assert found.items == (Asked("a", CONTEXT, "when", (("1920", 22),)), Asked("b", CONTEXT, "why", ()))
    assert CONTEXT[22:26] == "1920"


@pytest.mark.parametrize("name", ["t.conll", "t.txt", "t.tsv"])
def test_conll_has_sentences_between_blank_lines(name, tmp_path):
    between = "\t" if name == "t.tsv" else " "
    rows = ["-DOCSTART- O", "", "# id 7", "EU B-org", "# O", "", "Peter B-per", "Blackburn I-per", ""]
    text = "\n".join(row.replace(" ", between) if not row.startswith("# id") else row for row in rows)
    if name == "t.tsv":
        text = text.replace("# id 7\n", "")
    found = load_examples(write(tmp_path / name, text))
    assert [(item.tokens, item.tags) for item in found.items] == [
        (("EU", "#"), ("B-org", "O")),
        (("Peter", "Blackburn"), ("B-per", "I-per")),
    ]


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path):
    odd = "a\u2028b\x85c\x0bd"
    for path in (
        write(tmp_path / "t.tsv", f"text\tlabel\n{odd}\tx\ne\ty\n"),
        write(tmp_path / "t.jsonl", json.dumps({"text": odd, "label": "x"}, ensure_ascii=False)),
        write(tmp_path / "t.csv", f"text,label\n{odd},x\n"),
    ):
        assert load_examples(path).items[0].text == odd


def test_quotes_of_a_tsv_are_text_and_a_csv_s_rows_may_have_lines(tmp_path):
    assert load_examples(write(tmp_path / "t.tsv", 'text\tlabel\n" a\tx\nb "\ty\n')).items[0].text == '" a'
    found = load_examples(write(tmp_path / "t.csv", 'text,label\n"a\nb",x\nc,y\n'))
    assert found.items[0].text == "a\nb" and found.places == ("line 2", "line 4")


def test_other_encodings_are_read_and_told(tmp_path):
    text = "text\tlabel\n" + "Müller hört schöne Lieder für große Mädchen über Straßen\tx\n" * 4
    found = load_examples(write(tmp_path / "t.tsv", text.encode("cp1252")))
    assert found.items[0].text.startswith("Müller hört") and "cp1252" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a film\t1\nb film\t0\nc film\t1\nd film\t0\n", ("a film", "1")),
        ("1\ta film\n0\tb film\n1\tc film\n0\td film\n", ("a film", "1")),
        ("gj04\t1\t\ta film\ngj04\t0\t*\tb film\nks\t1\t\tc film\nks\t0\t*\td\n", ("a film", "1")),
    ],
)
def test_a_table_without_names_says_what_it_is_read_as(text, names, tmp_path):
    found = load_examples(write(tmp_path / "t.tsv", text))
    assert (found.items[0].text, found.items[0].label) == names and len(found) == 4
    assert "no line of names" in found.notes[0]


def test_unknown_names_do_not_become_an_example(tmp_path):
    message = complaint(write(tmp_path / "t.tsv", "tweet\tclass\n" + "".join(f"film {n}\t{n % 2}\n" for n in range(9))))
    assert message.startswith('F: is its first line one of names? "class" stands nowhere else')


@pytest.mark.parametrize(
    ("tags", "read", "note"),
    [
        (["I-x", "I-x", "B-x", "O"], ("B-x", "I-x", "B-x", "O"), "IOB1"),
        (["I-x", "I-y", "O", "O"], ("B-x", "B-y", "O", "O"), "IOB1"),
        (["S-x", "B-y", "I-y", "E-y"], ("B-x", "B-y", "I-y", "I-y"), "BIOES"),
        (["U-x", "B-y", "L-y", "O"], ("B-x", "B-y", "I-y", "O"), "BIOES"),
        (["B-x", "B-x", "I-x", "O"], ("B-x", "B-x", "I-x", "O"), ""),
    ],
)
def test_schemes_of_tags_are_read_into_iob2(tags, read, note, tmp_path):
    found = load_examples(lines(tmp_path / "t.jsonl", {"tokens": list("abcd"), "tags": tags}))
    assert found.items[0].tags == read
    assert [note in said for said in found.notes] == [True] * bool(note)


@pytest.mark.parametrize(
    "tags", [["O", "I-x", "B-y", "O"], ["B-x", "E-y", "O", "O"], ["B-x", "I-x", "O", "E-x"], ["S-x", "I-x", "O", "O"]]
)
def test_tags_of_no_scheme_are_refused_at_their_line(tags, tmp_path):
    whole = {"tokens": list("abcd"), "tags": ["O"] * 4}
    message = complaint(lines(tmp_path / "t.jsonl", whole, {"tokens": list("abcd"), "tags": tags}))
    assert message.startswith("F, line 2, has tags that are neither IOB2 nor IOB1 nor BIOES")


def test_an_answer_that_is_moved_is_counted_and_an_unclear_one_refused(tmp_path):
    def asked(text, start):
        return {"context": CONTEXT, "question": "q", "answers": {"text": [text], "answer_start": [start]}}

    found = load_examples(lines(tmp_path / "t.jsonl", asked("1920", len("Čapek wrote R.U.R. in ".encode()))))
    assert found.items[0].answers == (("1920", 22),) and "1 answers" in found.notes[0]
    assert load_examples(lines(tmp_path / "t.jsonl", asked("Čapek", 28))).notes == ()
    unclear = complaint(lines(tmp_path / "t.jsonl", asked("1920", 22), asked("Čapek", 27)))
    assert unclear.startswith('F, line 2, has the answer "Čapek" at character 27') and "several times" in unclear
    absent = complaint(lines(tmp_path / "t.jsonl", asked("1921", 22)))
    assert absent == 'F, line 1, has the answer "1921", which does not stand in its context.'


BAD = {
    "a missing field": ([{"text": "a", "label": "x"}, {"label": "y"}], 'line 2, has no field "text"'),
    "a missing label": ([{"text": "a", "label": "x"}, {"text": "b"}], 'line 2, has no "label", which other examples'),
    "an empty label": ([{"text": "a", "label": "x"}, {"text": "b", "label": " "}], 'line 2, has no "label"'),
    "no number of a class": ([{"text": "a", "label": 0.5}], "line 1, has the label 0.5"),
    "an empty text": ([{"text": "a", "label": "x"}, {"text": " \n", "label": "x"}], 'line 2, has an empty "text"'),
    "no text": ([{"text": None, "label": "x"}], 'line 1, has no text in "text" but null'),
    "half a letter": ([{"text": "\ud800", "label": "x"}], "line 1, has half of a surrogate pair"),
    "mixed fields": ([{"text": "a", "label": "x"}, {"tokens": ["a"], "tags": ["O"]}], 'line 2, has no field "text"'),
    "a double id": (
        [{"id": 1, "text": "a"}, {"id": "2", "text": "b"}, {"id": "1", "text": "c"}],
        'has the id "1" twice, in line 1 and line 3',
    ),
    "unequal tags": ([{"tokens": ["a", "b"], "tags": ["O"]}], "line 1, has 1 tags for 2 words"),
    "a strange tag": ([{"tokens": ["a"], "tags": ["per"]}], "line 1, has the tag 'per'"),
    "numbers for tags": ([{"tokens": ["a"], "ner_tags": [0]}], "line 1, has the tag 0"),
    "an absent tag": ([{"tokens": ["a"], "tags": [None]}], "line 1, has the tag null"),
    "no words": ([{"tokens": [], "tags": []}], "line 1, has no word"),
    "an empty word": ([{"tokens": ["a", " "], "tags": ["O", "O"]}], "line 1, has no word, or an empty one"),
    "words that are no list": ([{"tokens": "a b", "tags": "O O"}], 'line 1, needs a list of words in "tokens"'),
    "sentences without tags": (
        [{"tokens": ["a"], "tags": ["O"]}, {"tokens": ["a"], "tags": None}],
        'line 2, has no "tags"',
    ),
    "answers that are a text": ([{"context": "a", "question": "b", "answers": "a"}], 'line 1, needs "answers"'),
    "an answer without a text": (
        [{"context": "a", "question": "b", "answers": [{"answer_start": 0}]}],
        "line 1, has an empty answer",
    ),
    "an empty target": ([{"source": "a", "target": "b"}, {"source": "a", "target": ""}], 'line 2, has no "target"'),
    "no task": ([{"prompt": "a"}], "has not the fields of any task: its first example has prompt"),
    "two tasks": ([{"text": "a", "label": "x", "source": "b", "target": "c"}], "may be of several tasks"),
    "a list": ([["a", "x"]], "line 1, is no object with named fields"),
}


@pytest.mark.parametrize("records, said", BAD.values(), ids=BAD)
def test_bad_records_are_one_sentence_with_the_line(records, said, tmp_path):
    assert said in complaint(lines(tmp_path / "t.jsonl", *records))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.jsonl", "", "F is empty"),
        ("t.tsv", "\n \n", "F is empty"),
        ("t.tsv", "text\tlabel\n", "F has a line of names and no examples"),
        ("t.tsv", "text\tlabel\na\tb\tc\n", "F, line 2, has 3 columns instead of 2"),
        ("t.tsv", "text\ttext\tlabel\na\tb\tc\n", 'F has several columns "text"'),
        ("t.tsv", "a\tb\tc\td\te\n", "F has no line of names, and its 5 columns"),
        ("t.csv", "tweet,class\na,b\n", "F has no column that says what it holds (its columns: tweet, class)"),
        ("t.csv", 'text,label\n"a,b\n', "F, line 2, is not valid CSV"),
        ("t.jsonl", '{"text": "a", "label": "x"}\n{"text": \n', "F, line 2, is not valid JSON"),
        ("t.json", "[1]", "F, record 1, is no object"),
        ("t.json", '{"data": 7}', "F must hold a list"),
        ("t.json", '{"data": [{"paragraphs": [{"qas": 3}]}]}', 'F, record 1, paragraph 1: "qas" is no list'),
        ("t.conll", "EU B-org\nrejects\n", "F, line 2, needs a word and its tag"),
        ("t.xlsx", "a", "F has an unknown ending"),
        ("t.parquet", "a", "F has an unknown ending"),
        ("t.tsv", b"\x1f\x8b\x08\0\0\0\0\0", "F holds gzip data"),
        ("t.tsv.gz", b"text\tlabel\n", "F is not a whole gzip file"),
    ],
)
def test_bad_files_are_one_sentence(name, text, said, tmp_path):
    assert complaint(write(tmp_path / name, text)).startswith(said)


def test_a_file_that_is_not_there_and_a_task_that_is_none(tmp_path):
    assert complaint(tmp_path / "t.tsv") == "There is no file F."
    with pytest.raises(UserError, match=r"There is no task tags\. Did you mean 'tag'\?"):
        load_examples(lines(tmp_path / "t.jsonl", *LABELLED), "tags")
    assert complaint(tmp_path / "t.jsonl", "tag").startswith("F has not the fields of tag (tokens, tags)")
