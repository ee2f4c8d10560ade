"""The whole way on a tiny encoder and invented queries: train, export, serve, evaluate."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.queries import data
from models.queries.labels import NEGATED, TAGS, first
from models.queries.student import QueryStudent
from models.queries.written import Mark, parse
from tests.models.titles.test_training import LETTERS, packed

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from models.base import write  # of the `train` extra

    folder = tmp_path_factory.mktemp("base")
    packed(folder / "packed.bin")
    return write(folder / "base", ["Bak"], 2, folder / "packed.bin")


def write_labels(path: Path) -> Path:
    rows = []
    for a in LETTERS:
        for b in "klmno":
            text = f"Baker {a}{b} not Sales"
            criteria = [
                {"type": "title", "span": "Baker", "start": 0, "end": 5, "value": "baker", "negated": False},
                {"type": "industry", "span": "Sales", "start": 13, "end": 18, "value": "sales", "negated": True},
            ]
            empty: dict[str, object] = {"profile": None, "missing": [], "facets": [], "language": "en"}
            rows.append(
                {"id": f"a{a}{b}", "query": text, "intent": "criteria", "criteria": criteria, "rewrite": "", **empty}
            )
            joke = f"zzz {a} {b}?"
            rows.append(
                {"id": f"b{a}{b}", "query": joke, "intent": "out_of_scope", "criteria": [], "rewrite": "", **empty}
            )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_queries_are_learned_exported_and_served(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.queries import augment, evaluate, names, running, train, written
    from models.queries.export import export
    from models.queries.network import Network

    monkeypatch.setattr(written, "read", lambda *_: iter([parse("en c - [title Baker] qq not [-industry Sales]")]))
    monkeypatch.setattr(names, "names", lambda *_: {})
    monkeypatch.setattr(train, "names", lambda *_: {})
    monkeypatch.setattr(augment, "variant", lambda example, *_: example)
    labels = write_labels(tmp_path / "labels.jsonl")
    arguments = ["--labels", labels, "--out", tmp_path / "run", "--base", base, "--layers", 2, "--epochs", 8]
    arguments += ["--composed", 0, "--batch-tokens", 120, "--rate", "2e-3", "--head-rate", "1e-2"]
    run = train.train(train.parse([str(one) for one in arguments]))
    told = json.loads((run / "config.json").read_text("utf-8"))
    assert not {"labels", "out", "base"} & told.keys()
    assert told["written"] == 1

    folder = export(run, tmp_path / "model", [labels])
    student = QueryStudent.load(folder)
    assert f'string_value: "{student.assets_digest}"' in (folder / "config.pbtxt").read_text("utf-8")
    test = data.split(data.read([labels]))["test"]
    readings = running.read(test, folder)
    assert np.mean([own.intent.value == row["intent"] for row, own in zip(test, readings, strict=True)]) > 0.9
    searches = [own for row, own in zip(test, readings, strict=True) if row["intent"] == "criteria"]
    found = [[(c.type, c.span, c.negated) for c in own.criteria] for own in searches]
    wanted = [("title", "Baker", False), ("industry", "Sales", True)]
    assert np.mean([own == wanted for own in found]) > 0.8
    lines = evaluate.report(data.split(data.read([labels]))["train"], test, readings)
    assert any(line.startswith("| **this student** | 0.9") or "| 1.000 [" in line for line in lines)

    # From what is served training goes on, though its table of words is a smaller one.
    more = [*arguments, "--start", folder, "--out", tmp_path / "more", "--steps", 1, "--earlier-share", 1]
    further = train.train(train.parse([str(one) for one in more]))
    before, after = (Network.load(folder_of).state_dict() for folder_of in (run, further))
    assert json.loads((further / "config.json").read_text("utf-8"))["start"]["written"] == 1
    # All of the earlier weights were to stay, in eight bits.
    for name in ("whole.weight", "encoder.encoder.layer.1.output.dense.weight"):
        assert np.allclose(before[name], after[name], atol=0.02)


def test_only_a_words_first_token_counts(base: Path) -> None:
    from models.assets import load_tokenizer
    from models.datasets import IGNORE
    from models.queries import train

    tokenizer = load_tokenizer(base / "tokenizer.json")
    example = parse("en c - [title Bak bax] no [-industry sal]")
    row = train.row_of(example, tokenizer)
    counted = [tag for tag in row.tags if tag != IGNORE]
    assert counted == [first("title"), first("title") + 1, 0, first("industry")]
    assert [n for n in row.negated if n != IGNORE] == [0, 0, 1]
    assert len(row.tags) == len(row.token_ids)


def test_the_least_used_pieces_are_dropped(base: Path) -> None:
    from models.assets import load_tokenizer
    from models.queries.network import Network
    from models.queries.vocabulary import trim

    tokenizer = load_tokenizer(base / "tokenizer.json")
    network = Network(base)
    table = network.encoder.embeddings.word_embeddings.weight.detach().clone()
    whole = trim(network, tokenizer, ["Bak Bak"], tokenizer.get_vocab_size())
    assert whole.encode("Bak").tokens == ["<s>", "▁Bak", "</s>"]
    cut = trim(network, tokenizer, ["zz"], tokenizer.get_vocab_size() - 1)
    assert cut.encode("Bak").tokens == ["<s>", "▁", "B", "a", "k", "</s>"]
    kept = network.encoder.embeddings.word_embeddings.weight
    assert len(kept) == len(table) - 1
    assert (kept[cut.token_to_id("k")] == table[tokenizer.token_to_id("k")]).all()


def test_what_is_not_known_does_not_count() -> None:
    import torch

    from models.queries import train
    from models.queries.labels import TOKEN_CLASSES, WHOLE_CLASSES

    example = parse("en c - [title cook]")
    example = type(example)("cook", (Mark("title", 0, 4),), "criteria", "", (None,) * 4, None)
    row = train.Row([0, 5, 2], [-100, first("title"), -100], [-100, 0, -100], example)
    token = torch.zeros(1, 3, TOKEN_CLASSES)
    token[0, 1, first("title")] = 50.0
    token[0, 1, NEGATED] = -50.0
    token[0, 0, len(TAGS) - 1] = 50.0
    whole = torch.zeros(1, WHOLE_CLASSES)
    whole[0, 0] = 50.0
    assert train.loss(whole, token, [row], 0.0).item() == pytest.approx(0.0, abs=1e-4)
