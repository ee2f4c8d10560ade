"""Writes a DistilBERT classifier with random weights as ONNX: speed does not depend on what the weights are.

`python -m models.baselines.distilbert OUT.onnx`. Architecture and size of distilbert-base-uncased (Sanh et al., 2019:
6 layers, width 768, 12 heads, 66 M parameters), fp32.
"""

import argparse
import warnings
from pathlib import Path

import torch
from transformers import DistilBertConfig, DistilBertForSequenceClassification

CLASSES = 4


class _Logits(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.model = DistilBertForSequenceClassification(DistilBertConfig(num_labels=CLASSES)).eval()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


def export(path: Path) -> None:
    """Writes the model to `path`; inputs `input_ids` and `attention_mask`, both int64 (batch, length)."""
    example = torch.ones(2, 16, dtype=torch.long)
    axes = {0: "batch", 1: "length"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Logits(),
            (example, example),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": {0: "batch"}},
            dynamo=False,
        )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    export(parser.parse_args().path)


if __name__ == "__main__":
    main()
