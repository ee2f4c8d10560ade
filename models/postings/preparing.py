"""A posting to encoder inputs: clean text, sentences, the kept ones as units of token ids with their offsets."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Encoding, Tokenizer

from models.postings.retrieval import Retriever
from models.text.cleaning import clean
from models.text.language import detect
from models.text.sentences import Span, sentences
from topics.postings import Posting

MAX_TOKENS = 96
# Title tokens before each sentence: enough to know the trade and the rank.
_CONTEXT_TOKENS = 12
_HEADER_TOKENS = 32
# "Nice to have", "Requirements", "What we offer": under which heading a sentence stands turns its meaning.
_HEADING_TOKENS = 6
_HEADING_WORDS = 7
_HEADING_REACH = 15
_MAX_LEAD_CHARS = 220
_MAX_HEADER_CHARS = 400
NO_SPAN = (0, 0)
_HEADING = re.compile(
    r"(?:(?:minimum|basic|key|job|essential|desired|preferred|required|additional|your|our|the|what|who|why|about|how|"
    r"votre|vos|notre|nos|le|les|ce que|qui)\b.{0,12}\s)?"
    r"(?:requirements?|qualifications?|skills|experience|education|certifications?|responsibilities|duties|benefits|"
    r"nice to have|desirable|essential|preferred|desired|bonus(?: points)?|perks|compensation|salary|rewards?|package|"
    r"location|working hours|you(?:'ll| will| have| bring| are)?|we offer|us|role|company|the team|"
    r"profil|missions?|comp[ée]tences|formations?|exp[ée]riences?|avantages|r[ée]mun[ée]ration|salaire|conditions|poste|"
    r"nous (?:offrons|proposons)|qualit[ée]s|entreprise|pr[ée]requis|atouts?)\b[^.!?,;]{0,30}$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Unit:
    """One encoder input.

    Attributes:
        start, end: span of the sentence in the posting's text.
        token_ids: `[CLS] title [SEP] heading [SEP] sentence [SEP]`, at most `MAX_TOKENS`; the heading where one is.
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
        title: its span in `text`; empty where the posting has none.
        language: ISO 639-1, the posting's own or detected.
        supported: False: no units, nothing is read.
        units: the first is title, location and a short first sentence; the others follow the text.
    """

    text: str
    title: Span
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
        headings: of each the line it stands under; empty where none.
    """

    text: str
    title: Span
    location: str
    header: Span
    spans: tuple[Span, ...]
    headings: tuple[Span, ...]
    body_start: int

    @property
    def sentences(self) -> list[str]:
        """The texts of `spans`."""
        return [self.text[start:end] for start, end in self.spans]


def document(posting: Posting) -> Document:
    """Cleans a posting and cuts it into sentences."""
    title = " ".join(clean(posting.title).text.split())
    location = " ".join(clean(posting.location or "").text.split())
    head = "\n".join(line for line in (title, location) if line)
    body = clean(posting.body).text
    text = f"{head}\n\n{body}" if head and body else head or body
    body_start = len(text) - len(body)
    spans = [Span(a + body_start, b + body_start) for a, b in sentences(body)]
    headings = _headings(text, spans)
    header_end = min(len(head), _MAX_HEADER_CHARS)
    if spans and spans[0].end - spans[0].start <= _MAX_LEAD_CHARS and header_end == len(head):
        header_end = spans.pop(0).end
        headings.pop(0)
    return Document(text, Span(0, len(title)), location, Span(0, header_end), tuple(spans), tuple(headings), body_start)


def _headings(text: str, spans: Sequence[Span]) -> list[Span]:
    """For each sentence the nearest line before it that announces what follows, at most so many sentences away."""
    found = []
    heading, age = Span(0, 0), 0
    for start, end in spans:
        age += 1
        found.append(heading if age <= _HEADING_REACH else Span(0, 0))
        line = text[start:end]
        if len(line.split()) <= _HEADING_WORDS and (line[-1] == ":" or _HEADING.match(line)):
            heading, age = Span(start, end), 0
    return found


def prepare(postings: Sequence[Posting], tokenizer: Tokenizer, retriever: Retriever) -> list[Prepared]:
    """Prepares postings together: one call of the tokenizer for all their sentences."""
    documents = [document(posting) for posting in postings]
    languages = [_language(posting, doc) for posting, doc in zip(postings, documents, strict=True)]
    kept = [
        retriever.keep(doc.sentences) if supported else []
        for doc, (_, _, supported) in zip(documents, languages, strict=True)
    ]
    units = tokenize(documents, kept, tokenizer)
    return [
        Prepared(doc.text, doc.title, language, confidence, supported, doc.location, own if supported else ())
        for doc, (language, confidence, supported), own in zip(documents, languages, units, strict=True)
    ]


def tokenize(
    documents: Sequence[Document], kept: Sequence[Sequence[int]], tokenizer: Tokenizer
) -> list[tuple[Unit, ...]]:
    """Units of each document: its header, then the sentences kept, by their indices."""
    cls_id, sep_id = _special(tokenizer, "[CLS]"), _special(tokenizer, "[SEP]")
    # Of each document title and rest of the header, then heading and sentence of each unit: one call for all.
    pairs = [
        [(doc.title, Span(doc.title.end, doc.header.end)), *((doc.headings[i], doc.spans[i]) for i in own)]
        for doc, own in zip(documents, kept, strict=True)
    ]
    texts = [doc.text[a:b] for doc, own in zip(documents, pairs, strict=True) for pair in own for a, b in pair]
    encodings = iter(tokenizer.encode_batch(texts, add_special_tokens=False))
    result = []
    for own in pairs:
        title = next(encodings)
        # Only in its own unit is the title text to be read; elsewhere it is context.
        ids = [cls_id, *title.ids[:_HEADER_TOKENS], sep_id]
        spans = [NO_SPAN, *title.offsets[:_HEADER_TOKENS], NO_SPAN]
        units = [_unit(0, own[0][1], ids, spans, next(encodings), sep_id)]
        for _, span in own[1:]:
            heading = next(encodings).ids[:_HEADING_TOKENS]
            ids = [cls_id, *title.ids[:_CONTEXT_TOKENS], sep_id, *([*heading, sep_id] if heading else ())]
            units.append(_unit(span.start, span, ids, [NO_SPAN] * len(ids), next(encodings), sep_id))
        result.append(tuple(units))
    return result


def _unit(
    start: int,
    span: Span,
    context: Sequence[int],
    context_spans: Sequence[tuple[int, int]],
    sentence: Encoding,
    sep_id: int,
) -> Unit:
    room = MAX_TOKENS - 1 - len(context)
    spans = [(span.start + a, span.start + b) for a, b in sentence.offsets[:room]]
    return Unit(start, span.end, [*context, *sentence.ids[:room], sep_id], [*context_spans, *spans, NO_SPAN])


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
