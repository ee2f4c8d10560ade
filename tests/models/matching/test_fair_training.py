"""The fairness term end to end on a small set, with bags of words for embeddings."""

import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray

from models.esco.taxonomy import Taxonomy
from models.matching.cues import Part
from models.matching.synthetic import Bias, Facts, dress, invented

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
from models.matching import fair_data, fair_head, fairness_card  # noqa: E402
from models.matching.evaluate_fairness import curves, report  # noqa: E402
from models.matching.fair_data import Encoded  # noqa: E402
from models.matching.fair_head import FairHead  # noqa: E402
from models.matching.fair_judging import flips, guessed, judged, placed  # noqa: E402
from models.matching.fair_train import Config, Network, curve, fit  # noqa: E402

pytestmark = pytest.mark.train
CONFIG = Config(betas=(0.0, 3.0), epochs=25, batch=256)


def bag(texts: Sequence[str]) -> NDArray[np.float32]:
    """Signed sums of hashed words, of length 1."""
    vectors = np.zeros((len(texts), 256), np.float32)
    for row, text in enumerate(texts):
        for word in text.lower().replace(",", " ").replace(".", " ").split():
            value = zlib.crc32(word.encode())
            vectors[row, value % 256] += 1 if value & 256 else -1
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)


@cache
def facts() -> Facts:
    return invented(Taxonomy.load(), 120)


@cache
def encoded(part: Part) -> Encoded:
    return fair_data.encode(facts(), dress(facts(), part, Bias(penalty=0.3)), bag, fair_data.raw)


@cache
def heads() -> dict[float, FairHead]:
    return curve(encoded("train"), encoded("valid"), CONFIG)


def test_the_term_closes_the_gap_that_the_bias_opened() -> None:
    test = encoded("test")
    plain, fair = (test.logits(heads()[beta]) for beta in CONFIG.betas)
    unfair, ours = (judged(test.examples, logits, "fit", plain) for logits in (plain, fair))
    assert unfair.gaps.parity.low > 5
    assert ours.gaps.parity.value < unfair.gaps.parity.value / 2
    assert ours.gaps.opportunity.value < unfair.gaps.opportunity.value / 2
    assert ours.chosen.value > 10
    assert flips(test.examples, fair)[0].value < flips(test.examples, plain)[0].value


def test_the_cost_is_paired_with_the_utility() -> None:
    test = encoded("test")
    plain, fair = (test.logits(heads()[beta]) for beta in CONFIG.betas)
    before, after = (judged(test.examples, logits, "label", plain) for logits in (plain, fair))
    assert {own.value for own in before.cost.values()} == {0.0}
    for name, cost in after.cost.items():
        assert cost.value == pytest.approx(before.utility[name].value - after.utility[name].value)


def test_the_group_can_be_told_from_cues_and_not_from_noise() -> None:
    test = encoded("test")
    assert guessed(test.cvs, test.examples).value > 70
    noise = np.random.default_rng(0).standard_normal((len(test.cvs), 16)).astype(np.float32)
    assert guessed(noise, test.examples).value == pytest.approx(50, abs=8)


def test_re_ranking_gives_each_group_its_share() -> None:
    test = encoded("test")
    logits = test.logits(heads()[0.0])
    before, after = (placed(test.examples, logits, quota)[0]["women"] for quota in (False, True))
    assert before.representation.high < 50
    assert after.representation.value == pytest.approx(50, abs=3)


def test_serving_and_training_agree() -> None:
    torch.manual_seed(1)
    network = Network(256, CONFIG).eval()
    data = encoded("valid")
    texts = [example.text for example in data.examples]
    with torch.no_grad():
        logits = network(torch.tensor(data.postings), torch.tensor(data.cvs[texts])).numpy()
    assert data.logits(network.head()) == pytest.approx(logits, abs=1e-4)


def test_the_same_seed_gives_the_same_head() -> None:
    short = Config(epochs=2, batch=256)
    one, two = (fit(encoded("train"), 1.0, short).head() for _ in range(2))
    assert np.array_equal(one.out, two.out)


def test_saved_and_loaded(tmp_path: Path) -> None:
    fair_head.save(heads(), 3.0, tmp_path / "heads.npz")
    found, chosen = fair_head.load(tmp_path / "heads.npz")
    assert (list(found), chosen) == ([0.0, 3.0], 3.0)
    assert encoded("test").logits(found[3.0]) == pytest.approx(encoded("test").logits(heads()[3.0]), abs=0.05)
    np.savez(tmp_path / "other.npz", betas=np.zeros(1))
    with pytest.raises(ValueError, match="no file of heads"):
        fair_head.load(tmp_path / "other.npz")


def test_the_card_and_its_plot(tmp_path: Path) -> None:
    test = encoded("test")
    lines = report(heads(), 3.0, {"invented": test}, test)
    fairness_card.write(tmp_path, 3.0, curves(heads(), test), lines)
    card = (tmp_path / "FAIRNESS.md").read_text("utf-8")
    assert "β = 3" in card
    assert "no protected attributes" in card
    drawing = ElementTree.fromstring((tmp_path / fairness_card.PLOT).read_text("utf-8"))  # noqa: S314
    assert len(drawing.findall("{http://www.w3.org/2000/svg}polyline")) == 12


def test_joined_sets_keep_their_texts() -> None:
    one, two = encoded("valid"), encoded("test")
    both = fair_data.joined([one, two])
    head = heads()[0.0]
    # Each set by itself: a matrix product of more rows sums in another order on some processors.
    sets = (slice(len(one.examples)), slice(len(one.examples), None))
    found = [Encoded(both.examples[own], both.postings[own], both.cvs).logits(head) for own in sets]
    assert np.concatenate(found) == pytest.approx(np.concatenate([one.logits(head), two.logits(head)]))
