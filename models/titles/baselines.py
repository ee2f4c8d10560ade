"""What simpler means reach on the same test: the commonest class, words of rank and function, TF-IDF of characters."""

import re
from collections import Counter
from collections.abc import Sequence

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from models.titles.data import Title
from models.titles.labels import HEADS

# The first that the title holds decides; else the default.
_DEFAULTS = {"seniority": "Professional", "department": "Other"}
_WORDS = {
    "seniority": {
        "Management": r"geschäftsführ|\bc[etfoi]o\b|chief|vorstand|founder|gründer|inhaber|owner|\bvp\b|president",
        "Director": r"director|direktor|directeur",
        "Lead": r"\bhead\b|leiter|leitung|\blead|manager|supervisor|responsable|\bchef",
        "Senior": r"senior|\bsr\b|principal|professor",
        "Junior": r"junior|trainee|\bintern(ship)?\b|praktik|stagiaire|student|assisten[tz]|azubi|apprenti",
    },
    "department": {
        "Human Resources": r"\bhr\b|human resources|personal|recruit|talent",
        "Purchasing": r"einkauf|einkäuf|purchas|procure|buyer|achat",
        "Marketing": r"marketing|communication|kommunikation|brand|event",
        "Sales": r"sales|vertrieb|verkauf|account|vente",
        "Business Development": r"business",
        "Information Technology": r"\bit\b|software|developer|entwickler|data|system|crm|\bsap\b|informati",
        "Project Management": r"proje[ck]t",
        "Consulting": r"consult|berat|advisor",
        "Customer Support": r"support|customer|kunden",
        "Administrative": r"assisten[tz]|assistant|office|sekret|secretar",
    },
}


def majority(train: Sequence[Title], test: Sequence[Title]) -> dict[str, list[str]]:
    """Of each head the commonest class of the real titles of the training part."""
    counts = {head: Counter(t.classes[head] for t in train if t.real and head in t.classes) for head in HEADS}
    return {head: [counts[head].most_common(1)[0][0]] * len(test) for head in HEADS}


def words(test: Sequence[Title]) -> dict[str, list[str]]:
    """Regular expressions."""
    return {
        head: [
            next((c for c, cue in cues.items() if re.search(cue, title.text, re.IGNORECASE)), _DEFAULTS[head])
            for title in test
        ]
        for head, cues in _WORDS.items()
    }


def tfidf(train: Sequence[Title], test: Sequence[Title]) -> dict[str, list[str]]:
    """TF-IDF of character 2- to 5-grams within words, one logistic regression for each head."""
    found = {}
    for head in HEADS:
        known = [title for title in train if head in title.classes]
        model = make_pipeline(
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True, lowercase=True),
            LogisticRegression(C=10.0, class_weight="balanced", max_iter=300),
        )
        model.fit([title.text for title in known], [title.classes[head] for title in known])
        found[head] = list(model.predict([title.text for title in test]))
    return found
