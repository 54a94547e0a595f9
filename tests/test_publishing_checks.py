"""What must not leave this machine is refused before the first request: file, line or field, what, and what to do."""

from __future__ import annotations

import io
import json
import os
import re
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard, ModelCard, SpaceCard
from PIL import PngImagePlugin

from ppaint.foundation.faults import Fault, InputFault
from ppaint.publishing.card_schema import front_matter, front_matter_faults
from ppaint.publishing.content import Content, Links, Place
from ppaint.publishing.contents.space import space_content
from ppaint.publishing.outside_checks import check_content, check_message
from ppaint.publishing.private_words import machine_words_in, secrets_in

FRONT = {
    "dataset": (
        "pretty_name: x-simulated\nlicense: mit\nlanguage: en\ntags: [simulated]\ntask_categories: [other]\nsize_categories: n<1K\n"
        "configs:\n- config_name: fused\n  data_files:\n  - {split: a, path: fused/a.parquet}\n"
    ),
    "model": "license: apache-2.0\nlibrary_name: transformers\npipeline_tag: image-text-to-text\ntags: [simulated]\n",
    "space": "title: X (simulated)\nsdk: gradio\nsdk_version: 6.1.0\napp_file: app.py\ntags: [simulated]\n",
}
TOKEN = "hf_" + "Ab" * 17


def card(what: str, front: str | None = None, body: str = "# X-simulated\n") -> bytes:
    return f"---\n{FRONT[what] if front is None else front}---\n\n{body}".encode()


@pytest.fixture
def dataset() -> Content:
    files = {"README.md": card("dataset"), "fused/a.parquet": b"PAR1\0"}
    return Content("dataset", "org/x-simulated", files, simulated=True)


def with_files(content: Content, **files: bytes | Path) -> Content:
    return replace(content, files={**content.files, **{name.replace("__", "/"): one for name, one in files.items()}})


def faults(content: Content) -> list[Fault]:
    with pytest.raises(InputFault) as caught:
        check_content(content)
    assert all(fault.fix for fault in caught.value.faults)
    return list(caught.value.faults)


def test_a_sound_content_of_each_kind_passes(dataset):
    check_content(dataset)
    check_content(Content("model", "org/x-simulated", {"README.md": card("model")}, simulated=True))
    files = {"README.md": card("space", body=""), "app.py": b"import os\n"}
    check_content(Content("space", "org/x-simulated", files, simulated=True))
    made = space_content("org/x-simulated", Links(model=Place("org/y-simulated")), simulated=True)
    check_content(made)
    front = FRONT["model"].replace("simulated", "scorer")
    check_content(Content("model", "org/x", {"README.md": card("model", front, "# X\n")}, simulated=False))


def test_simulated_things_go_to_a_name_that_says_so_and_real_ones_do_not(dataset):
    (fault,) = faults(replace(dataset, name="org/ppaint"))
    assert str(fault) == (
        "org/ppaint: is simulated, or made from what is, and its name does not say so: nobody must take it for real. "
        "Fix: publish it as org/ppaint-simulated."
    )
    found = faults(replace(dataset, simulated=False))
    assert [(fault.file, fault.row) for fault in found] == [("org/x-simulated", ""), ("README.md", "tags")]
    assert found[0].fix == "publish it as org/x"


@pytest.mark.parametrize(
    ("what", "old", "new", "row"),
    [
        ("dataset", "tags: [simulated]", "tags: [ours]", "tags"),
        ("dataset", "pretty_name: x-simulated", "pretty_name: x", "pretty_name"),
        ("dataset", "# X-simulated", "# X", "the title"),
        ("model", "# X-simulated", "# X", "the title"),
        ("model", "tags: [simulated]\n---\n\n# X-simulated", "# simulated\ntags: [simulated]\n---\n\n# X", "the title"),
        ("space", "title: X (simulated)", "title: X", "title"),
    ],
)
def test_tag_and_title_say_that_it_is_simulated(what, old, new, row):
    files = {"README.md": card(what).replace(old.encode(), new.encode()), "app.py": b"", "fused/a.parquet": b"\0"}
    (fault,) = faults(Content(what, "org/x-simulated", files, simulated=True))
    assert (fault.file, fault.row) == ("README.md", row) and "simulated" in fault.what


@pytest.mark.parametrize("name", ["ppaint", "org/a--b", "org/../x", "org/x/y", "org/" + "x" * 200, ""])
def test_a_name_that_no_repo_has_is_refused(dataset, name):
    assert faults(replace(dataset, name=name))[0].what == "is no name of a repo on the Hub"


def test_a_token_in_a_file_is_named_by_line_and_never_shown(dataset, tmp_path):
    (tmp_path / "notes.txt").write_text(f"one\ntoken = {TOKEN}\n")
    content = replace(with_files(dataset, notes=tmp_path / "notes.txt"), source=str(tmp_path))
    (fault,) = faults(replace(content, files={**dataset.files, "notes.txt": tmp_path / "notes.txt"}))
    assert (fault.file, fault.row) == (f"{tmp_path}/notes.txt", "line 2")
    assert "a token of the Hub" in fault.what and "revoke" in fault.fix and TOKEN not in str(fault)


@pytest.mark.parametrize(
    "secret",
    [
        TOKEN,
        "ghp_" + "a1" * 18,
        "github_pat_" + "a_1" * 20,
        "AKIA" + "A1" * 8,
        "sk-proj-" + "aB3_" * 10,
        "AIza" + "x" * 35,
        "xoxb-" + "1a" * 12,
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----",
        "glpat-" + "aB3_" * 5,
        "npm_" + "aB3" * 12,
        "api_org_" + "aB" * 17,
        "hf_oauth_" + "eyJhbGciOi" * 6,
        "xapp-1-" + "A1B2" * 6,
        "https://ann:sesame@git.example.org/x.git",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0." + "aB3_" * 8,
        "x_" + TOKEN,
        TOKEN + "_x",
        "\\n" + TOKEN,
        TOKEN.replace("_", "\\u005f"),
        "\0".join(TOKEN),
    ],
)
def test_each_kind_of_secret_is_found_once(secret):
    (found,) = secrets_in(f"a\n\n key: '{secret}'")
    assert found.line == 3 and secret not in found.what


@pytest.mark.parametrize(
    "text",
    [
        "from huggingface_hub import hf_hub_download",
        "a risk-averse task-specific-name-that-is-long-enough-to-be-a-key-1",
        "sk-learn-pipelines-with-many-words-in-a-name",
        "hf_ann",
        "the word main, and MAKIA" + "A" * 16,
        "-----BEGIN PUBLIC KEY-----",
        "https://${USER}:${TOKEN}@example.org, ssh://git@example.org, http://example.org:8080/@ann",
        "hf_oauth_expiration_minutes: 480, glrt-a-word-with-many-hyphens-in-it",
        "eyJhbGciOiJIUzI1NiJ9.x",
    ],
)
def test_words_that_look_like_a_secret_and_are_none_pass(text):
    assert secrets_in(text) == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8"])
def test_a_secret_is_found_in_every_encoding_and_behind_a_zero_byte(dataset, encoding):
    text = f"one\0\n{TOKEN}\n/home/ann/x".encode(encoding)
    assert [fault.row for fault in faults(with_files(dataset, LICENSE=text))] == ["line 2", "line 3"]


def test_ones_own_token_is_found_whatever_it_looks_like(dataset, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_keeper")
    (fault,) = faults(with_files(dataset, **{"a.json": b'{"main": "main",\n"a": "hf_keeper"}'}))
    assert (fault.file, fault.row) == ("a.json", "line 2") and "you are logged in" in fault.what
    assert "hf_keeper" not in str(fault)
    check_content(with_files(dataset, **{"a.json": b'{"a": "hf_keepers"}'}))


@pytest.mark.parametrize(
    "words",
    [
        "/home/ann/scans",
        "file:///home/ann",
        "/Users/ann",
        "C:\\Users\\ann",
        '"C:\\\\Users\\\\ann\\\\x"',
        "c:/Users/ann",
        "/root/run",
        "/mnt/disk/x",
        "/tmp/x",
        '"\\/home\\/ann\\/run"',
        '"/home/\\u738b\\u4e94/run"',
        '"one\\n/home/ann"',
        json.dumps(json.dumps("\n/home/王")),
        str(Path.home() / "run"),
        os.path.join(os.getcwd(), "run"),
    ],
)
def test_a_path_of_a_machine_in_a_card_is_refused_with_its_line(dataset, words):
    content = with_files(dataset, **{"README.md": card("dataset", body=f"# X-simulated\n\nmade in {words}.\n")})
    (fault,) = faults(content)
    line = content.read("README.md").decode()[: content.read("README.md").decode().index("made in")].count("\n") + 1
    assert (fault.file, fault.row) == ("README.md", f"line {line}") and "a path or a name of a machine: " in fault.what


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/home/ann",
        "see ./home/ann and ../tmp/x",
        "/home page, /tmp, /root",
        "~/run/x",
        "a/home/ann",
        "half/half and 1/2",
        "the vm and the main page",
    ],
)
def test_what_is_no_path_of_a_machine_passes(text):
    assert machine_words_in(text) == []


def test_the_name_of_this_machine_is_found_where_it_is_no_common_word(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "ann-laptop.local")
    assert [one.what for one in machine_words_in("on ann-laptop.local\nann-laptop-x\nann-laptop")] == [
        "ann-laptop.local",
        "ann-laptop",
    ]
    monkeypatch.setattr(socket, "gethostname", lambda: "main")
    assert machine_words_in('{"main": 1}') == []


def test_data_word_lists_and_code_are_read_for_this_machine_alone(dataset):
    names = ("a.csv", "tokenizer.json", "app.py")
    check_content(with_files(dataset, **dict.fromkeys(names, b"/home/ann/x\n")))
    own = os.path.join(os.getcwd(), "run").encode()
    assert [fault.file for fault in faults(with_files(dataset, **dict.fromkeys(names, own)))] == [*names]


@pytest.mark.parametrize("name", ["config.json", "LICENSE", "NOTICE", "chat_template.jinja", "log.jsonl"])
def test_any_machines_path_is_refused_in_what_is_written_for_people(dataset, name):
    (fault,) = faults(with_files(dataset, **{name: b"one\n/home/ann/x\n"}))
    assert (fault.file, fault.row) == (name, "line 2")


def test_what_a_binary_says_beside_its_numbers_is_read(dataset, tmp_path):
    from safetensors.numpy import save

    words = {"note": TOKEN, "from": "/home/ann/run"}
    weights = save({"a": np.zeros(3, np.float32)}, metadata=words)
    image = PIL.Image.effect_noise((64, 64), 50)
    told, packed = PngImagePlugin.PngInfo(), PngImagePlugin.PngInfo()
    told.add_text("Comment", f"{TOKEN} in /home/ann/run")
    packed.add_text("Comment", f"{TOKEN} in /home/ann/run", zip=True)
    exif = PIL.Image.Exif()
    exif[0x010E] = f"{TOKEN} in /home/ann/run"
    image.save(tmp_path / "text.png", pnginfo=told)
    image.save(tmp_path / "packed.png", pnginfo=packed)
    image.save(tmp_path / "exif.jpg", exif=exif)
    files = {path.name: path for path in sorted(tmp_path.iterdir())} | {
        "w.safetensors": weights,
        "other.bin": b"\0" + weights,
    }
    found = faults(with_files(dataset, **files))
    assert [(fault.file, fault.row) for fault in found] == [
        *((name, "") for name in ("exif.jpg", "packed.png", "text.png") for _ in range(2)),
        ("w.safetensors", "header"),
        ("w.safetensors", "header"),
        ("other.bin", "line 1"),
        ("other.bin", "line 1"),
    ]
    assert [fault.what.split(" ")[-1] for fault in found] == ["Hub", "/home/ann"] * 5
    image.save(tmp_path / "text.png")
    check_content(with_files(dataset, **{"text.png": tmp_path / "text.png", "w.safetensors": save({"a": np.zeros(3)})}))


def test_the_texts_of_a_table_are_read_in_every_column_and_row_group(dataset):
    own = os.getcwd() + "/run"
    rows = [f"a word {row}" for row in range(40)]
    table = pa.table(
        {
            "notes": [*rows[:25], f"{TOKEN}", *rows[26:]],
            "path": pa.array([*["x"] * 30, "see\n/home/ann", *["x"] * 9]).dictionary_encode(),
            "image": [
                {"bytes": os.urandom(5000) + (b"\0" + own.encode() if row == 7 else b""), "path": "a"}
                for row in range(40)
            ],
            "tags": [[own]] + [["x"]] * 39,
        }
    ).replace_schema_metadata({"made of": "/home/ann/raw"})
    pq.write_table(table, sink := io.BytesIO(), row_group_size=10, compression="zstd")
    found = faults(with_files(dataset, **{"pairs__a.parquet": sink.getvalue()}))
    places = {fault.row: fault.what.split(" ")[-1] for fault in found}
    assert places == {
        "metadata": "/home/ann",
        "row 1, tags": os.getcwd(),
        "row 8, image": os.getcwd(),
        "row 26, notes": "Hub",
        "row 31, path": "/home/ann",
    }


def test_a_message_that_says_too_much_or_cannot_be_sent_is_refused():
    assert (
        check_message("山水\n\nand more")
        == check_message(os.fsdecode("山水\n\nand more".encode()))
        == "山水\n\nand more"
    )
    for message, said in (
        ("\udcff bad", "is no UTF-8"),
        ("a\x1b[31m", "a control character"),
        (" ", "is empty"),
        (f"with {TOKEN}", "a token of the Hub"),
        ("from /home/ann/run", "/home/ann"),
    ):
        with pytest.raises(InputFault, match=re.escape(said)) as caught:
            check_message(message)
        assert [fault.file for fault in caught.value.faults] == ["--message"] and TOKEN not in str(caught.value)


def test_the_line_is_that_of_the_users_own_file(dataset, tmp_path):
    (tmp_path / "README.md").write_text("see /home/ann/scans\n")
    content = with_files(dataset, **{"README.md": card("dataset", body="# X-simulated\n\nsee /home/ann/scans\n")})
    (fault,) = faults(replace(content, source=str(tmp_path)))
    assert (fault.file, fault.row) == (f"{tmp_path}/README.md", "line 1")


def test_files_that_lead_out_are_hidden_or_have_impossible_names_are_refused(dataset, tmp_path):
    folder, outside = tmp_path / "ppaint", tmp_path / "secret.txt"
    folder.mkdir()
    outside.write_text("x")
    (folder / "link.txt").symlink_to(outside)
    (folder / "inside.txt").symlink_to("real.txt")
    (folder / "real.txt").write_text("x")
    files = {"inside.txt": folder / "inside.txt", "link.txt": folder / "link.txt", "gone.txt": folder / "gone.txt"}
    names = [
        ".env",
        "a/.hidden/x",
        "../x",
        "/etc/x",
        "a//b",
        "a\\b",
        "x" * 256,
        "caf\udce9",
        "a\nb",
        ".eval_results/a.yaml",
    ]
    content = replace(dataset, files={**dataset.files, **files, **dict.fromkeys(names, b"x")}, source=str(folder))
    found = {fault.file.removeprefix(f"{folder}/"): fault.what for fault in faults(content)}
    assert found["link.txt"] == f"leads out of the folder, to {outside}" and "no file" in found["gone.txt"]
    assert found[".env"] == found["a/.hidden/x"] == "is hidden" and "caf\\udce9" in found
    assert len(found) == 2 + len(names) - 1, "all but inside.txt and .eval_results/a.yaml"


def test_a_content_without_a_card_or_with_an_unreadable_one_is_refused(dataset):
    assert faults(replace(dataset, files={"a.parquet": b"\0"}))[0].what == "there is no card"
    for bad, what in (
        (b"# X", "has no front matter"),
        (b"---\n- a\n---\n", "holds no fields"),
        (b"---\nlicense: mit\nlicense: mit\n---\n", "'license' is listed twice"),
        (b"---\na: [\n---\n", "is no YAML"),
        (b"\xff", "is not UTF-8"),
    ):
        assert what in faults(with_files(dataset, **{"README.md": bad}))[0].what


def test_what_was_never_filled_is_refused(dataset):
    (fault,) = faults(with_files(dataset, **{"README.md": card("dataset", body="# X-simulated\n\nTODO: describe\n")}))
    assert "'TODO', which was never filled" in fault.what
    body = "# X-simulated\n\n[More Information Needed]\n\n```python\nload_dataset('ORG/ppaint')\nf'{{x}}'\n```\n{{ card_data }}, `{{ y }}`\n"
    found = faults(with_files(dataset, **{"README.md": card("dataset", body=body)}))
    assert [fault.row for fault in found] == ["line 16", "line 22", "line 19"]


def test_files_that_the_card_names_must_be_there(dataset):
    found = faults(replace(dataset, files={"README.md": dataset.read("README.md")}))
    assert [fault.row for fault in found] == ["configs, fused"]
    space = Content("space", "org/x-simulated", {"README.md": card("space")}, simulated=True)
    assert [fault.row for fault in faults(space)] == ["app_file"]


@pytest.mark.parametrize(
    ("what", "old", "new", "row", "said"),
    [
        ("dataset", "tags:", "licence: mit\ntags:", "licence", "is no field of the Hub"),
        ("dataset", "license: mit", "license: MIT", "license", "'MIT' is no licence of the Hub"),
        ("dataset", "license: mit", "license: other", "license", "needs its name"),
        ("dataset", "language: en", "language: english", "language", "'english' is not allowed"),
        ("dataset", "language: en\n", "", "language", "is missing"),
        ("dataset", "[other]", "[image-scoring]", "task_categories.0", "is no task of the Hub"),
        ("dataset", "n<1K", "n<5", "size_categories", "'n<5' is not allowed"),
        ("dataset", "split: a,", "split: a-b,", "configs.0.data_files.0.split", "'a-b' is not allowed"),
        ("model", "pipeline_tag: image-text-to-text", "pipeline_tag: scoring", "pipeline_tag", "is no task of the Hub"),
        ("model", "tags:", "base_model: a b\ntags:", "base_model", "'a b' is not allowed"),
        ("model", "tags:", "model-index: [{name: x, results: []}]\ntags:", "model-index.0.results", "at least 1 item"),
        ("space", "tags:", "colorFrom: grey\ntags:", "colorFrom", "'grey' is not allowed"),
        ("space", "sdk: gradio", "sdk: streamlit", "sdk", "'streamlit' is not allowed"),
        ("space", "sdk_version: 6.1.0\n", "", "sdk_version", "is missing"),
    ],
)
def test_a_field_or_value_that_the_hub_does_not_know_is_named(what, old, new, row, said):
    front = front_matter(card(what).decode().replace(old, new))
    (fault,) = front_matter_faults(what, front, "README.md")
    assert (fault.file, fault.row) == ("README.md", row) and said in fault.what


def test_fields_that_the_hub_documents_pass():
    more = {
        "dataset": "source_datasets: [original]\nviewer: false\nextra_gated_prompt: ask\nextra_gated_fields: {Name: text}\n"
        "annotations_creators: expert-generated\nmultilinguality: monolingual\ntrain-eval-index: []\ndataset_info: {features: []}\n",
        "model": "new_version: org/y\nwidget: []\ninference: false\nco2_eq_emissions: 3\nthumbnail: https://example.org/x.png\n"
        "datasets: org/x\nmetrics: [org/srcc_plcc]\nbase_model: [Qwen/Qwen3-VL-8B-Instruct]\nbase_model_relation: adapter\n"
        "model-index: [{name: x, results: [{task: {type: other}, dataset: {type: org/x, name: X}, metrics: [{type: srcc, value: 0.5}]}]}]\n",
        "space": "pinned: true\nhf_oauth: true\nhf_oauth_scopes: [read-repos]\nsuggested_hardware: zero-a10g\ncolorTo: red\nemoji: 🖌️\n"
        "preload_from_hub: [org/x]\nmodels: [org/x]\npython_version: '3.12'\nheader: mini\nstartup_duration_timeout: 1h\n",
    }
    for what, front in more.items():
        text = card(what, FRONT[what] + front).decode()
        assert [*front_matter_faults(what, front_matter(text), "README.md")] == []
        parsed = {"dataset": DatasetCard, "model": ModelCard, "space": SpaceCard}[what](text)
        assert parsed.data.tags == ["simulated"], "the library reads it as well"


def test_all_faults_are_reported_together(dataset):
    body = f"# X\n\n/home/ann\n{TOKEN}\n"
    content = with_files(
        replace(dataset, name="org/x"), **{"README.md": card("dataset", "x: y\n", body), ".env": b"A=1"}
    )
    rows = [fault.row for fault in faults(content)]
    assert rows[:4] == ["", "", "line 8", "line 7"] and {"x", "tags", "the title", "pretty_name"} <= {*rows}
