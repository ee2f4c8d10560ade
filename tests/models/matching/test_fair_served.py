"""The shipped scorer on the semi-synthetic set: what goes into the path, and how what comes out is judged."""

from functools import cache

from models.esco.taxonomy import Taxonomy
from models.matching.fair_served import cv_name, events, lines, scores
from models.matching.scorer import Scorer
from models.matching.synthetic import Bias, Dressed, Facts, dress, invented
from tests.support.features import cv, posting, vector
from topics.cvs import Cv, CvFeatures
from topics.postings import Posting, PostingFeatures


@cache
def small() -> tuple[Facts, Dressed]:
    facts = invented(Taxonomy.load(), 30)
    return facts, dress(facts, "test", Bias())


def test_the_events_are_valid_and_tell_no_group() -> None:
    facts, dressed = small()
    postings, cvs = events(facts, dressed)
    assert {Posting.model_validate(row).id for row in postings} == {e.posting_id for e in dressed.examples}
    assert [Cv.model_validate(row).text for row in cvs] == list(dressed.texts)
    assert not any(group in row["id"] for row in cvs for group in ("men", "women"))
    assert {cv_name(e.cv_id, e.text) for e in dressed.examples} == {row["id"] for row in cvs}


def test_a_gap_in_what_comes_out_is_found() -> None:
    """Vectors near to every posting for men alone."""
    _, dressed = small()
    near, far = vector(1), vector(2)
    postings = {
        i: PostingFeatures.model_validate_json(posting(i, near)) for i in {e.posting_id for e in dressed.examples}
    }

    def told(unfair: bool) -> str:
        cvs = {
            name: CvFeatures.model_validate_json(cv(name, far if unfair and e.group == "women" else near))
            for e in dressed.examples
            for name in [cv_name(e.cv_id, e.text)]
        }
        return "\n".join(lines("small", dressed, scores(Scorer.load(), dressed, postings, cvs)))

    assert "| missed |" in told(unfair=True)
    assert "| held |" in told(unfair=False)
    assert "0.0 [0.0, 0.0] % of the decisions differ" in told(unfair=False)
