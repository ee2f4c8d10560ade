"""What the exported CV student answers in this process."""

from collections.abc import Sequence

from onnxruntime import InferenceSession

from models.cvs.preparing import Prepared
from models.running import Answer, run_documents

WINDOW_OUTPUT, TOKENS_OUTPUT = "window_probs", "token_probs"


def run(model: InferenceSession, prepared: Sequence[Prepared]) -> list[Answer]:
    """Of each CV `(units, W)` and each unit's `(tokens, K)`."""
    return run_documents(model, prepared, WINDOW_OUTPUT, TOKENS_OUTPUT)
