"""What the matcher is compared with: words (BM25, TF-IDF) and encoders as they come, on three variants of the texts."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from models.esco.standard import standard_cv, standard_posting
from models.matching.data import Pairs
from topics.cvs import CvFeatures
from topics.postings import PostingFeatures

# Robertson & Zaragoza 2009.
_K1, _B = 1.2, 0.75

Scores = NDArray[np.float64]
Embed = Callable[[Sequence[str]], NDArray[np.float32]]


def raw(features: PostingFeatures | CvFeatures) -> str:
    """The cleaned text as it stands, of a CV anonymised."""
    return features.text or ""


def structured(features: PostingFeatures | CvFeatures) -> str:
    """What the students read, in the document's own words."""
    if isinstance(features, PostingFeatures):
        titles = [(features.text or "").partition("\n")[0]]
    else:
        titles = [features.current_title.value or "", *(title.value for title in features.past_titles)]
    return f"{', '.join(dict.fromkeys(titles))}. {', '.join(skill.value for skill in features.skills)}."


def standardised(features: PostingFeatures | CvFeatures) -> str:
    """The same in the words of ESCO, where it has any, as sentences."""
    occupation = features.esco_occupation.value
    skills = [skill.value.label for skill in features.esco_skills]
    if isinstance(features, PostingFeatures):
        title = occupation.label if occupation else (features.text or "").partition("\n")[0]
        return standard_posting(title, skills, features.education_level.value, features.experience_years_min.value)
    own = occupation.label if occupation else features.current_title.value
    level = features.education[0].value.level if features.education else None
    return standard_cv([own] if own else [], skills, level, features.experience_years.value)


VARIANTS = {"raw": raw, "structured": structured, "ESCO-standardised": standardised}


def bm25(pairs: Pairs) -> Scores:
    """Of each pair, the posting being the query, the CVs the collection."""
    ids, texts = _texts(pairs)
    counter = CountVectorizer(stop_words="english")
    counts = counter.fit_transform(texts).astype(np.float64).tocsc()
    lengths = np.asarray(counts.sum(axis=1))[:, 0]
    frequencies = np.asarray((counts > 0).sum(axis=0))[0]
    rarity = np.log1p((len(texts) - frequencies + 0.5) / (frequencies + 0.5))
    known = {name: row for row, name in enumerate(ids)}
    queries = {own: set(counter.transform([raw(pairs.postings[own])]).indices) for own in _postings(pairs)}
    rows = counts.tocsr()
    found = []
    for own in pairs.grades:
        row = rows[known[own.cv_id]]
        inside = [at for at, word in enumerate(row.indices) if word in queries[own.posting_id]]
        words, times = row.indices[inside], row.data[inside]
        norm = _K1 * (1 - _B + _B * lengths[known[own.cv_id]] / lengths.mean())
        found.append(float((rarity[words] * times * (_K1 + 1) / (times + norm)).sum()))
    return np.array(found)


def tfidf(pairs: Pairs) -> Scores:
    """Cosines of words and pairs of words."""
    ids, texts = _texts(pairs)
    vectorizer = TfidfVectorizer(stop_words="english", ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    rows = vectorizer.fit_transform(texts)
    known = {name: row for row, name in enumerate(ids)}
    queries = {own: vectorizer.transform([raw(pairs.postings[own])]) for own in _postings(pairs)}
    return np.array([(queries[own.posting_id] @ rows[known[own.cv_id]].T).sum() for own in pairs.grades])


def cosines(
    pairs: Pairs, variant: Callable[[PostingFeatures | CvFeatures], str], queries: Embed, passages: Embed | None = None
) -> Scores:
    """Of the embeddings of one variant of the texts.

    Args:
        passages: for the CVs, where the encoder tells them from queries.
    """
    postings = _postings(pairs)
    ids = list(dict.fromkeys(own.cv_id for own in pairs.grades))
    left = dict(zip(postings, queries([variant(pairs.postings[own]) for own in postings]), strict=True))
    right = dict(zip(ids, (passages or queries)([variant(pairs.cvs[own]) for own in ids]), strict=True))
    return np.array([float(left[own.posting_id] @ right[own.cv_id]) for own in pairs.grades])


def _postings(pairs: Pairs) -> list[str]:
    return list(dict.fromkeys(own.posting_id for own in pairs.grades))


def _texts(pairs: Pairs) -> tuple[list[str], list[str]]:
    """Ids and texts of all CVs that have features: the collection's statistics are of more than the graded ones."""
    ids = list(pairs.cvs)
    return ids, [raw(pairs.cvs[own]) for own in ids]
