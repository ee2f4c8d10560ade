"""CVs as one would first read them with transformers: one after the other, a token classifier and an embedding each.

`python -m models.baselines.cv_loop TEXTS.json` prints CVs/s. Architecture and size of distilbert-base-uncased (Sanh et
al., 2019), 512 tokens a window, fp32 in PyTorch; random weights, since only its time is of interest.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import DistilBertConfig, DistilBertForTokenClassification, DistilBertModel

from models.repository import model_dir

_WINDOW = 512
_TAGS = 17


def rate(texts: Sequence[str]) -> float:
    """CVs/s over the texts."""
    torch.manual_seed(0)
    config = DistilBertConfig(num_labels=_TAGS)
    tagger, embedder = DistilBertForTokenClassification(config).eval(), DistilBertModel(config).eval()
    # The same WordPiece vocabulary as DistilBERT's.
    tokenizer = Tokenizer.from_file(str(model_dir("cv_student") / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(_WINDOW)
    started = time.perf_counter()
    with torch.inference_mode():
        for text in texts:
            encoding = tokenizer.encode(text)
            for window in (encoding, *encoding.overflowing):
                tagger(input_ids=torch.tensor([window.ids]))
            embedder(input_ids=torch.tensor([encoding.ids])).last_hidden_state.mean(1)
    return len(texts) / (time.perf_counter() - started)


if __name__ == "__main__":
    sys.stdout.write(f"{rate(json.loads(Path(sys.argv[1]).read_text('utf-8'))):.3f}\n")
