"""Which pieces of words the student keeps: those of the queries and of the names that they may hold."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer
from torch import nn

from models import base
from models.queries.augment import Names
from models.queries.network import Network
from models.queries.written import Example

# Names that are listed so often (large towns, countries, what labels hold) keep their pieces, and all titles.
_OFTEN = 3
_WHOLE = ("title", "company")
# Each takes 400 bytes of the served table.
MOST_PIECES = 16_000


def texts(examples: Iterable[Example], known: Names) -> list[str]:
    """What is counted: queries as typed and in small letters, names likewise."""
    found = [example.text for example in examples]
    listed = {
        name
        for (kind, _), own in known.items()
        for name, count in Counter(own).items()
        if count >= _OFTEN or kind in _WHOLE
    }
    found += sorted(listed)
    return [*found, *(text.lower() for text in found)]


def trim(network: Network, tokenizer: Tokenizer, counted: Sequence[str], most: int = MOST_PIECES) -> Tokenizer:
    """Drops the least used pieces from the network's table; returns the tokenizer without them.

    A word of a dropped piece comes apart into smaller ones, in the end into letters, which all stay.
    """
    pieces = [(str(piece), float(score)) for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"]]
    used = Counter(i for encoding in tokenizer.encode_batch(list(counted)) for i in encoding.ids)
    order = sorted(range(len(pieces)), key=lambda i: (not base.stays(pieces[i][0]), -used[i], i))
    kept = sorted(order[:most])
    weight = network.encoder.embeddings.word_embeddings.weight.detach()[kept].clone()
    padding = network.encoder.config.pad_token_id
    network.encoder.embeddings.word_embeddings = nn.Embedding.from_pretrained(weight, padding_idx=padding)
    network.encoder.config.vocab_size = len(kept)
    return base.tokenizer([pieces[i] for i in kept])
