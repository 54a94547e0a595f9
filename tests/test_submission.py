"""``submission.yaml``: what its values may be, that each text stays what it is, and a template that can be completed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_submission import small_references, submission_yaml

from ppaint.eval_suite import check_submission, read_submission, submission_template
from ppaint.eval_suite.leaderboard.submission import Submission
from ppaint.eval_suite.leaderboard.submission_values import free_text, one_line
from ppaint.eval_suite.leaderboard.template import submission_text, write_template
from ppaint.foundation.faults import InputFault

REFERENCES = small_references()


def read(folder: Path, text: str | bytes) -> Submission:
    path = folder / "submission.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_submission(path)


def faults(folder: Path, text: str | bytes) -> str:
    with pytest.raises(InputFault) as caught:
        read(folder, text)
    assert all(fault.fix for fault in caught.value.faults)
    return str(caught.value)


def test_texts_stay_what_they_are(tmp_path):
    found = read(tmp_path, submission_yaml(REFERENCES, version="1.10", system="no", notes='"null"'))
    assert (found.version, found.system, found.notes) == ("1.10", "no", "null")
    assert found.model.parameters == 8.8e9 and found.deterministic is True and found.supersedes is None


def test_minus_nothing_is_nothing(tmp_path):
    found = read(
        tmp_path, submission_yaml(REFERENCES, cost="{passes_per_image: -0, seconds_per_image: 1, device: null}")
    )
    assert str(found.cost.passes_per_image) == "0.0"


def test_a_comment_or_another_order_of_keys_is_the_same_submission(tmp_path):
    text = submission_yaml(REFERENCES)
    turned = "# a comment\n" + "".join(reversed(text.splitlines(keepends=True)))
    assert read(tmp_path, text) == read(tmp_path, "\ufeff" + turned)


BAD_VALUES = {
    "unknown key": ({"colour": "red"}, "colour: unknown key"),
    "missing key": ({"licence": None}, "licence: the key is missing. Fix: add it."),
    "missing key that may be null": ({"link": None}, "link: the key is missing. Fix: add it, with null"),
    "yes for true": ({"deterministic": "yes"}, "'yes' is neither true nor false"),
    "a word of another key": ({"kind": "closed"}, "kind: 'closed' is not one of the words"),
    "a decimal comma": (
        {"cost": "{passes_per_image: 1, seconds_per_image: 0,01, device: x}"},
        "cost.01: unknown key. Fix: write numbers with a decimal point",
    ),
    "none for null": ({"base_model": "none"}, "template` does, or null"),
    "no number": ({"cost": "{passes_per_image: five, seconds_per_image: 1, device: x}"}, "'five' is no number"),
    "1_0": ({"cost": "{passes_per_image: 1_0, seconds_per_image: 1, device: x}"}, "'1_0' is no number"),
    "other digits": ({"cost": "{passes_per_image: ٣, seconds_per_image: 1, device: x}"}, "is no number"),
    "too large": ({"model": "{id: a/b, revision: c, parameters: 1e400}"}, "'1e400' is no number"),
    "infinite": ({"model": "{id: a/b, revision: c, parameters: .inf}"}, "'.inf' is no number"),
    "negative": ({"model": "{id: a/b, revision: c, parameters: -1}"}, "greater than or equal to 0"),
    "null for a text": ({"system": "null"}, "system: null stands there"),
    "a list for a text": ({"system": "[a, b]"}, "system: a list stands there"),
    "a text for a list": ({"dimensions": "overall"}, "dimensions: 'overall' stands there, and not a list"),
    "a text for a mapping": ({"model": "ORG/NAME"}, "model: 'ORG/NAME' stands there, and not keys with values"),
    "no dimension": ({"dimensions": "[]"}, "dimensions: the list is empty"),
    "a dimension twice": ({"dimensions": "[line, line]"}, "dimensions: one is listed twice"),
    "another format": ({"format": "2"}, "format: '2' is not a format"),
    "http": ({"link": "http://arxiv.org"}, "does not begin with https://"),
    "javascript": ({"link": "javascript:alert(1)"}, "does not begin with https://"),
    "a user in a link": ({"link": "https://arxiv.org@evil.example/"}, "names no plain host"),
    "markup in a link": ({"link": '"https://a.org/\\"><b>"'}, "characters that a link writes as %"),
    "a port that is none": ({"link": "https://a.org:x/"}, "is no link (Port could not be"),
    "a port beyond all": ({"link": "https://a.org:99999/"}, "is no link (Port out of range"),
    "a filler in a name": ({"system": '"tiny\\u3164"'}, "U+3164 (HANGUL FILLER) as character 5, which nobody sees"),
    "a selector in a name": (
        {"system": '"ti\\ufe0fny"'},
        "U+FE0F (VARIATION SELECTOR-16) as character 3, which nobody sees",
    ),
    "a joiner in a version": ({"version": '"1\\u034f"'}, "U+034F (COMBINING GRAPHEME JOINER) as character 2"),
    "a blank of Braille": ({"system": '"tiny\\u2800"'}, "U+2800 (BRAILLE PATTERN BLANK) as character 5"),
    "brackets in a link": ({"link": "https://a.org/x)[y](z"}, "characters that a link writes as %"),
    "none as id": ({"model": "{id: None, revision: null, parameters: null}"}, "'None' is no id: write null"),
    "a path as id": ({"model": "{id: ../../etc/passwd, revision: c, parameters: null}"}, "is no id such as ORG/NAME"),
    "an absolute path": ({"base_model": "{id: /home/me/model, revision: null}"}, "is no id such as ORG/NAME"),
    "a path as teacher": ({"teacher": "{id: a/../../b, revision: null}"}, "is no id such as ORG/NAME"),
    "a path as revision": ({"model": "{id: a/b, revision: ../main, parameters: null}"}, "is no revision"),
    "a path as superseded": ({"supersedes": "../../0123456789"}, "is no id of a submission"),
    "a short hash": ({"release": "0123"}, "is no SHA-256"),
    "not used, and yet": (
        {"training": "{labels: none, ppaint: not_used, categories: [figure], data: none}"},
        "training.categories: of PPaint nothing was used",
    ),
    "used, but which": (
        {"training": "{labels: none, ppaint: images, categories: [], data: none}"},
        "training.categories: say which",
    ),
    "a long name": ({"system": "x" * 61}, "has 61 characters"),
    "no name": ({"system": '""'}, "has 0 characters"),
    "two lines": ({"system": '"a\\nb"'}, "U+000A"),
    "a bell": ({"system": '"a\\x07b"'}, "U+0007"),
    "an escape sequence": ({"system": '"\\e[2Jb"'}, "U+001B"),
    "right to left": ({"system": '"a\\u202Egnp.b"'}, "RIGHT-TO-LEFT OVERRIDE"),
    "isolated": ({"version": '"1\\u2066"'}, "LEFT-TO-RIGHT ISOLATE"),
    "invisible": ({"system": '"a\\u200Bb"'}, "ZERO WIDTH SPACE"),
    "a space of another width": ({"system": '"a\\u3000b"'}, "IDEOGRAPHIC SPACE"),
    "heaped accents": ({"system": '"' + "a" + "\\u0301" * 9 + '"'}, "accents over one another"),
    "a surrogate": ({"system": '"\\ud800"'}, "U+D800"),
    "HTML": ({"system": "<script>alert(1)</script>"}, "a name holds no markup"),
    "HTML in a version": ({"version": "1<img src=x onerror=alert(1)>"}, "a name holds no markup"),
    "HTML in the device": (
        {"cost": "{passes_per_image: 1, seconds_per_image: 1, device: H200<br>}"},
        "a name holds no markup",
    ),
    "a formula": ({"system": "=cmd()"}, "begins with '='"),
    "another formula": ({"system": '"@SUM(A1)"'}, "begins with '@'"),
    "a formula as version": ({"version": "+1"}, "begins with '+'"),
    "spaces": ({"system": '" a  b"'}, "spaces at an end"),
    "long notes": ({"notes": "x" * 501}, "has 501 characters"),
    "a bell in notes": ({"notes": '"a\\x07"'}, "U+0007"),
    "direction in data": (
        {"training": '{labels: none, ppaint: not_used, categories: [], data: "\\u202e"}'},
        "RIGHT-TO-LEFT OVERRIDE",
    ),
    "open": ({"notes": "TODO"}, "notes: TODO still stands there. Fix: give the value, or null"),
    "open, with a word": ({"system": '"TODO: a name"'}, "system: TODO still stands there. Fix: give the value."),
    "open within": ({"base_model": "{id: TODO, revision: null}"}, "base_model.id: TODO still stands there"),
}


@pytest.mark.parametrize("kind", BAD_VALUES)
def test_bad_value(tmp_path, kind):
    changes, said = BAD_VALUES[kind]
    found = faults(tmp_path, submission_yaml(REFERENCES, **changes))
    assert said in found, found
    assert len(found.splitlines()) == 1  # one fault, and nothing that only follows from it


LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
BAD_YAML = {
    "key twice": ("format: 1\nformat: 2\n", "line 2: the key 'format' stands there twice"),
    "key twice within": ("model: {id: a/b, id: c/d}\n", "the key 'model.id' stands there twice"),
    "key twice, quoted": ('kind: model\n"kind": human\n', "line 2: the key 'kind' stands there twice"),
    "alias": ("a: &x 1\nb: *x\n", "line 2: an alias (*x)"),
    "anchor": ("kind: &k model\n", "line 1: an anchor (&k)"),
    "anchor at a key": ("&k kind: model\n", "the key 'kind' has an anchor"),
    "anchor at all": ("&k\nkind: model\n", "an anchor (&k)"),
    "bomb": (LAUGHS, "an alias (*a)"),
    "merge": ("a: &x {b: 1}\n<<: *x\n", "an alias (*x)"),
    "tag": ("kind: !!str model\n", "line 1: a tag (tag:yaml.org,2002:str)"),
    "object": ("kind: !!python/object/apply:os.system [ls]\n", "a tag (tag:yaml.org,2002:python/object/apply:os.system)"),
    "own tag": ("%TAG ! tag:evil.example,2000:\n---\nkind: !x model\n", "a %TAG directive"),
    "nested": ("a: " + "[" * 50_000, "stand too deep in one another"),
    "nested mappings": ("a: " + "{b: " * 9_000, "stand too deep in one another"),
    "nested lines": ("\n".join(" " * n + f"k{n}:" for n in range(300)), "stand too deep in one another"),
    "a list as key": ("? [a, b]\n: 1\n", "a key is an alias, a list or a mapping"),
    "an alias as key": ("a: &x 1\n*x : 2\n", "a key is an alias, a list or a mapping"),
    "two documents": ("a: 1\n---\nb: 1\n", "a second YAML document begins"),
    "a list": ("- a\n- b\n", "no keys and values in it"),
    "nothing": ("", "no keys and values in it"),
    "only a comment": ("# nothing\n", "no keys and values in it"),
    "not closed": ('system: "a\n', "not valid YAML"),
    "no character": ('system: "\\UFFFFFFFF"\n', "not valid YAML"),
    "a tab": ("model:\n\tid: x\n", "line 2: not valid YAML"),
    "a bell": ("kind: model\nsystem: a\x07\n", "line 2: the character U+0007 may not stand in YAML"),
    "large": ("notes: " + "x" * 64_000, "larger than 64,000 bytes"),
    "latin-1": ("kind: model\nsystem: caf\xe9\n".encode("latin-1"), "line 2: not UTF-8 (byte 0xe9)"),
    "utf-16": ("kind: model\n".encode("utf-16"), "UTF-16"),
    "utf-32": ("kind: model\n".encode("utf-32-be"), "UTF-32"),
    "gb18030": ("system: 国画\n".encode("gb18030"), "not UTF-8"),
    "zip": (b"PK\x03\x04" + bytes(range(256)), "not UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_YAML)
def test_bad_yaml(tmp_path, kind):
    text, said = BAD_YAML[kind]
    assert said in faults(tmp_path, text)


def test_every_fault_is_told_at_once(tmp_path):
    found = faults(tmp_path, submission_yaml(REFERENCES, kind="cat", link="ftp://x", notes="&a x", licence=None))
    assert [part in found for part in ("kind", "link", "anchor", "licence")] == [True] * 4
    assert len(found.splitlines()) == 4


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(InputFault, match="cannot be read"):
            read_submission(path)


@settings(deadline=None)
@given(st.text(max_size=70))
def test_a_name_that_passes_is_one_short_printable_line(text):
    try:
        name = one_line(60)(text)
    except ValueError:
        return
    assert name.isprintable() and 1 <= len(name) <= 60 and name[0].isalnum()
    assert one_line(60)(name) == name and not {"<", ">"} & set(name)


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=200), st.floats(0, 1e15), st.booleans())
def test_what_is_written_is_read_again(tmp_path_factory, system, notes, amount, truth):
    try:
        changes = {"system": one_line(60)(system), "notes": free_text(500)(notes), "deterministic": truth}
    except ValueError:
        return
    folder = tmp_path_factory.mktemp("text")
    submission = read(folder, submission_yaml(REFERENCES)).model_copy(update=changes)
    cost = submission.cost.model_copy(update={"seconds_per_image": amount})
    submission = submission.model_copy(update={"cost": cost})
    assert read(folder, submission_text(submission)) == submission


def test_template_of_a_program_leaves_open_only_what_may_be_null(tmp_path):
    found = faults(tmp_path, submission_template(REFERENCES, system="PSDistill tiny"))
    assert "TODO still stands there" in found
    for line in found.splitlines():
        assert "or null where there is none" in line, line


def test_template_with_everything_known_is_a_submission(tmp_path):
    known = {
        "model": {"id": None, "revision": None, "parameters": 8_767_123_696},
        "base_model": {"id": "Qwen/Qwen3-VL-8B-Instruct", "revision": "0c351dd01ed87e9c1b53cbc748cba10e6187ff3b"},
        "training": {"ppaint": "images", "categories": ["figure"]},
        "made_with": {"ppaint": "0.1.0", "weights_sha256": "0" * 64},
        "cost": {"passes_per_image": 5, "seconds_per_image": 0.0123, "device": "NVIDIA H200, bf16"},
        "link": None,
        "notes": "one line\nand another: with # and \"quotes\"",
    }  # fmt: skip
    found = read(tmp_path, submission_template(REFERENCES, system="PSDistill: tiny #1", filled=known))
    assert found.system == "PSDistill: tiny #1" and found.notes == known["notes"]
    assert found.model.parameters == 8_767_123_696 and found.training.data == "not disclosed"
    assert found.release == REFERENCES.sha256 and found.dimensions == ["line", "overall"] and not found.simulated


@pytest.mark.parametrize("filled", [{"colour": "red"}, {"cost": {"euros": 3}}])
def test_template_of_an_unknown_key(filled):
    with pytest.raises(KeyError):
        submission_template(REFERENCES, filled=filled)


def test_template_folder_makes_no_claim_for_its_user(tmp_path):
    folder = write_template(tmp_path / "sub", REFERENCES)
    assert sorted(path.name for path in folder.iterdir()) == ["predictions.csv", "submission.yaml"]
    with pytest.raises(InputFault) as caught:
        check_submission(folder, REFERENCES)
    open_keys = {fault.row.split(", ")[-1] for fault in caught.value.faults}
    assert open_keys >= {"system", "kind", "access", "training.labels", "training.ppaint", "deterministic"}
    assert any("no cell has a score" in fault.what for fault in caught.value.faults)
    with pytest.raises(InputFault, match="not empty. Fix: give another folder"):
        write_template(folder, REFERENCES)
