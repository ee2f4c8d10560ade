"""What the exported posting student answers in this process."""

from collections.abc import Sequence

from onnxruntime import InferenceSession

from models.postings.preparing import Prepared
from models.running import Answer, run_documents

SCORES_OUTPUT, TOKENS_OUTPUT = "sentence_scores", "token_probs"


def run(model: InferenceSession, prepared: Sequence[Prepared]) -> list[Answer]:
    """Of each posting `(units, S)` and each unit's `(tokens, K)`."""
    return run_documents(model, prepared, SCORES_OUTPUT, TOKENS_OUTPUT)
