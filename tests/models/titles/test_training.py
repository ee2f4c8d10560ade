"""The whole way on a tiny encoder and invented titles: unpack, train, export, serve."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from models.titles import data
from models.titles.labels import HEADS
from models.titles.student import MAX_TOKENS, TitleStudent

pytestmark = pytest.mark.train

HIDDEN, INNER, LAYERS, HEADS_OF_ATTENTION = 32, 64, 2, 2
LETTERS = "abcdefghijklmnopqrstuvwxyzäöü"
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁Leit", "er", "▁Bak", "▁Sales", "unused", *LETTERS, *LETTERS.upper()]


def packed(path: Path) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    """Writes a model of the packed form with seeded weights; returns the tensors that it holds."""
    generator = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "emb.word": (len(PIECES), HIDDEN),
        "emb.pos": (64, HIDDEN),
        "emb.type": (2, HIDDEN),
    }
    shapes |= {"emb.ln.w": (HIDDEN,), "emb.ln.b": (HIDDEN,)}
    for layer in range(LAYERS):
        for name in ("q", "k", "v", "ao", "fi", "fo"):
            rows, columns = (INNER, HIDDEN) if name == "fi" else (HIDDEN, INNER if name == "fo" else HIDDEN)
            shapes |= {f"l{layer}.{name}.w": (rows, columns), f"l{layer}.{name}.b": (rows,)}
        shapes |= {f"l{layer}.{name}.{part}": (HIDDEN,) for name in ("aln", "oln") for part in "wb"}
    names = "".join(PIECES).encode()
    starts = np.cumsum([0, *(len(piece.encode()) for piece in PIECES)])
    head = b"E5S1" + struct.pack("<I7ifi", 1, HIDDEN, LAYERS, HEADS_OF_ATTENTION, INNER, len(PIECES), 64, 2, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(names)) + starts.astype("<u4").tobytes()
    head += (-np.arange(len(PIECES))).astype("<f4").tobytes()
    head += names + struct.pack("<iI", 0, 0) + struct.pack("<i", len(shapes))
    values, blobs = {}, []
    for name, shape in shapes.items():
        if (name.endswith(".w") and "ln" not in name) or name == "emb.word":
            nibbles = generator.integers(0, 16, (int(np.prod(shape)) // 32, 32)).astype(np.uint8)
            scales = generator.uniform(0.005, 0.02, len(nibbles)).astype("<f2")
            values[name] = ((nibbles.astype(np.float32) - 8) * scales.astype(np.float32)[:, None]).reshape(shape)
            halves = nibbles[:, :16] | (nibbles[:, 16:] << 4)
            blobs.append(b"".join(s.tobytes() + h.tobytes() for s, h in zip(scales, halves, strict=True)))
        else:
            base = 1.0 if name.endswith("ln.w") else 0.0
            values[name] = (base + generator.normal(0, 0.02, shape)).astype("<f4")
            blobs.append(values[name].tobytes())
    at = len(head) + sum(2 + len(name) + struct.calcsize("<BIQQ") for name in shapes)
    for name, blob in zip(shapes, blobs, strict=True):
        head += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", 0, 0, at, len(blob))
        at += len(blob)
    path.write_bytes(head + b"".join(blobs))
    return values


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from models.base import write  # of the `train` extra

    folder = tmp_path_factory.mktemp("base")
    packed(folder / "packed.bin")
    return write(folder / "base", ["Leiter", "Baker Sales"], 2, folder / "packed.bin")


def test_the_packed_encoder_is_unpacked_and_cut(tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from transformers import AutoModel

    from models.base import write

    values = packed(tmp_path / "packed.bin")
    folder = write(tmp_path / "base", ["Leiter"], 2, tmp_path / "packed.bin")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.encode("Leiter").tokens == ["<s>", "▁Leit", "er", "</s>"]
    assert tokenizer.token_to_id("unused") is None
    # Not among the texts, but of one letter each.
    assert tokenizer.encode("Bäk").tokens == ["<s>", "▁", "B", "ä", "k", "</s>"]
    encoder = AutoModel.from_pretrained(folder, add_pooling_layer=False)
    table = encoder.embeddings.word_embeddings.weight.detach().numpy()
    np.testing.assert_array_equal(table[tokenizer.token_to_id("er")], values["emb.word"][PIECES.index("er")])
    inner = encoder.encoder.layer[1]
    np.testing.assert_array_equal(inner.output.dense.weight.detach().numpy(), values["l1.fo.w"])
    np.testing.assert_array_equal(inner.attention.output.LayerNorm.bias.detach().numpy(), values["l1.aln.b"])
    (tmp_path / "packed.bin").write_bytes(b"GGUF")
    with pytest.raises(ValueError, match="not a packed e5 model"):
        write(tmp_path / "base", [], 2, tmp_path / "packed.bin")


def write_labels(path: Path) -> Path:
    kinds = [("Leiter", "Lead", "Other"), ("Baker", "Professional", "Other"), ("Sales", "Professional", "Sales")]
    rows = [
        {"title": f"{word} {a}{b}", "seniority": rank, "department": area, "origin": "positions"}
        for a in "abcdef"
        for b in "klmno"
        for word, rank, area in kinds
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_titles_are_learned_exported_and_served(tmp_path: Path, base: Path) -> None:
    from models.titles import train
    from models.titles.evaluate import answers
    from models.titles.export import export

    labels = write_labels(tmp_path / "labels.jsonl")
    departments, plain = tmp_path / "departments.csv", tmp_path / "plain.txt"
    departments.write_text("text,label\n" + "".join(f"Sales zz{a},Sales\n" for a in LETTERS), "utf-8")
    plain.write_text("".join(f"Leiter qq{a}\n" for a in LETTERS), "utf-8")
    arguments = ["--labels", labels, "--out", tmp_path / "run", "--base", base, "--departments", departments]
    arguments += ["--plain", plain, "--layers", 0, "--teacher-epochs", 12, "--epochs", 6, "--batch", 8]
    run = train.train(train.parse([*map(str, arguments), "--rate", "2e-3", "--head-rate", "1e-2"]))
    told = json.loads((run / "config.json").read_text("utf-8"))
    assert told["pseudo"] >= len(LETTERS)
    assert not {"labels", "out", "base"} & told.keys()

    folder = export(run, tmp_path / "model", labels)
    student = TitleStudent.load(folder)
    assert f'string_value: "{student.assets_digest}"' in (folder / "config.pbtxt").read_text("utf-8")
    parts = data.split(data.read_labels(labels))
    found = answers(parts["test"], folder)
    right = [own.seniority.value == title.classes["seniority"] for title, own in zip(parts["test"], found, strict=True)]
    assert np.mean(right) > 0.9
    # By itself as among others: the same to the bit.
    assert answers(parts["test"][3:4], folder) == found[3:4]
    (silent,) = answers([data.Title("", {}, {}, True)], folder)
    assert silent.seniority.confidence < 0.9


def test_ids_are_cut_before_the_end_mark(base: Path) -> None:
    from models.assets import load_tokenizer
    from models.titles.student import token_ids

    tokenizer = load_tokenizer(base / "tokenizer.json")
    (ids,) = token_ids(tokenizer, ["x y " * 100])
    assert len(ids) == MAX_TOKENS
    assert (ids[0], ids[-1]) == (tokenizer.token_to_id("<s>"), tokenizer.token_to_id("</s>"))


def test_temperature_undoes_overconfidence() -> None:
    from models.titles.export import temperature

    generator = np.random.default_rng(0)
    logs = np.log(generator.dirichlet(np.ones(3), 4_000)).astype(np.float32)
    right = np.array([generator.choice(3, p=row / row.sum()) for row in np.exp(logs.astype(np.float64))])
    assert temperature(logs, right) == pytest.approx(1.0, abs=0.06)
    assert temperature(logs * 2, right) == pytest.approx(0.5, abs=0.03)


def test_a_second_class_and_the_lists_count_less() -> None:
    from models.titles import train

    title = data.Title("Cook", {"seniority": "Lead"}, {"seniority": "Senior"}, True)
    (row,) = train.rows_of([title])
    lead, senior = HEADS["seniority"].index("Lead"), HEADS["seniority"].index("Senior")
    assert (row.targets["seniority"][lead], row.targets["seniority"][senior]) == (0.75, 0.25)
    lists = [data.Title(f"Cook {n}", {"seniority": "Lead"}, {}, False) for n in range(50)]
    drawn = train.listed_rows(lists, 17 * 4)
    assert len(drawn) == 4
    assert all(row.weights["seniority"] < 1 for row in drawn)
