"""A posting to encoder inputs: clean text, sentences, the kept ones as units of token ids with their offsets."""

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from models.postings.retrieval import Retriever
from models.text.cleaning import clean
from models.text.language import detect
from models.text.sentences import Span, sentences
from topics.postings import Posting

MAX_TOKENS = 96
# Title tokens before each sentence: enough to know the trade and the rank.
_CONTEXT_TOKENS = 12
_HEADER_TOKENS = 32
_MAX_LEAD_CHARS = 220
_MAX_HEADER_CHARS = 400
NO_SPAN = (0, 0)


@dataclass(frozen=True, slots=True)
class Unit:
    """One encoder input.

    Attributes:
        start, end: span of the sentence in the posting's text.
        token_ids: `[CLS] title [SEP] sentence [SEP]`, at most `MAX_TOKENS`.
        token_spans: of each token its span in the posting's text; `NO_SPAN` for special and context tokens.
    """

    start: int
    end: int
    token_ids: list[int]
    token_spans: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A posting ready for the encoder.

    Attributes:
        text: title line, location line, blank line, body; evidence points into it.
        language: ISO 639-1, the posting's own or detected.
        supported: False: no units, nothing is read.
        units: the first is title, location and a short first sentence; the others follow the text.
    """

    text: str
    language: str
    language_confidence: float
    supported: bool
    location: str
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """Clean text of a posting and what of it will be read.

    Attributes:
        title: span of the title in `text`.
        header: span of the first unit.
        spans: sentences of the body after the first unit.
    """

    text: str
    title: Span
    location: str
    header: Span
    spans: tuple[Span, ...]
    body_start: int


def document(posting: Posting) -> Document:
    """Cleans a posting and cuts it into sentences."""
    title = " ".join(clean(posting.title).text.split())
    location = " ".join(clean(posting.location or "").text.split())
    head = "\n".join(line for line in (title, location) if line)
    body = clean(posting.body).text
    text = f"{head}\n\n{body}" if head and body else head or body
    body_start = len(text) - len(body)
    spans = [Span(a + body_start, b + body_start) for a, b in sentences(body)]
    header_end = min(len(head), _MAX_HEADER_CHARS)
    if spans and spans[0].end - spans[0].start <= _MAX_LEAD_CHARS and header_end == len(head):
        header_end = spans.pop(0).end
    return Document(text, Span(0, len(title)), location, Span(0, header_end), tuple(spans), body_start)


def prepare(postings: Sequence[Posting], tokenizer: Tokenizer, retriever: Retriever) -> list[Prepared]:
    """Prepares postings together: one call of the tokenizer for all their sentences."""
    documents = [document(posting) for posting in postings]
    languages = [_language(posting, doc) for posting, doc in zip(postings, documents, strict=True)]
    kept = [
        [doc.spans[i] for i in retriever.keep([doc.text[a:b] for a, b in doc.spans])] if supported else []
        for doc, (_, _, supported) in zip(documents, languages, strict=True)
    ]
    units = tokenize(documents, kept, tokenizer)
    return [
        Prepared(doc.text, language, confidence, supported, doc.location, own if supported else ())
        for doc, (language, confidence, supported), own in zip(documents, languages, units, strict=True)
    ]


def tokenize(
    documents: Sequence[Document], kept: Sequence[Sequence[Span]], tokenizer: Tokenizer
) -> list[tuple[Unit, ...]]:
    """Units of each document: its header, then the kept spans."""
    cls_id, sep_id = _special(tokenizer, "[CLS]"), _special(tokenizer, "[SEP]")
    spans = [[doc.title, Span(doc.title.end, doc.header.end), *own] for doc, own in zip(documents, kept, strict=True)]
    texts = [doc.text[a:b] for doc, own in zip(documents, spans, strict=True) for a, b in own]
    encodings = iter(tokenizer.encode_batch(texts, add_special_tokens=False))
    result = []
    for own in spans:
        title = next(encodings)
        units = []
        for index, span in enumerate(own[1:]):
            encoding = next(encodings)
            limit = _CONTEXT_TOKENS if index else _HEADER_TOKENS
            context = [cls_id, *title.ids[:limit], sep_id]
            room = MAX_TOKENS - 1 - len(context)
            offsets = [(span.start + a, span.start + b) for a, b in encoding.offsets[:room]]
            # Only in its own unit is the title text to be read; elsewhere it is context.
            before = [NO_SPAN, *(title.offsets[:limit] if not index else [NO_SPAN] * (len(context) - 2)), NO_SPAN]
            start = 0 if not index else span.start
            units.append(Unit(start, span.end, [*context, *encoding.ids[:room], sep_id], [*before, *offsets, NO_SPAN]))
        result.append(tuple(units))
    return result


def _special(tokenizer: Tokenizer, name: str) -> int:
    token = tokenizer.token_to_id(name)
    if token is None:
        raise ValueError(f"the tokenizer has no {name}")
    return token


def _language(posting: Posting, doc: Document) -> tuple[str, float, bool]:
    guess = detect(doc.text[doc.body_start :])
    if guess.probability == 0.0 or (guess.supported and guess.language not in ("en", "fr")):
        guess = guess._replace(language=posting.language or guess.language)
    return guess.language, guess.probability, guess.supported
