"""What simpler means reach on the same test: the commonest class, cue words, TF-IDF with logistic regression."""

import re
from collections import Counter
from collections.abc import Sequence

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from models.postings.data import EMPLOYMENT_CUES, Example
from models.postings.labels import DEFAULTS, HEADS

# Macro-F1 of the published pipeline (four DistilBERTs on an LLM's labels), by group; of its own test, not of this one.
PUBLISHED = {"remote": 0.78, "remuneration": 0.68, "experience": 0.59, "education": 0.66}

_SENIOR, _YEARS = r"senior|lead\b|manager|director|confirm[ée]", r"\d\+? ?(?:-|to|à)? ?\d* ?(?:years|yrs|ans)"
# Of each head its cues, the first that the text holds decides.
_CUES = {
    "work_arrangement": {
        "hybrid": r"hybrid|days? (?:a week )?from home|remote possible|t[ée]l[ée]travail",
        "remote": r"fully remote|100 ?% remote|\bremote\b|work from home|home[- ]based",
        "onsite": r"on[- ]?site|in our .{0,20}office|sur site|sur place",
    },
    "pay_period": {
        "hour": r"per hour|/ ?hr|an hour|/h\b|de l.heure|hourly",
        "day": r"per day|a day|daily rate|par jour|TJM",
        "week": r"per week|weekly pay|par semaine",
        "month": r"per month|monthly|par mois|mensuel",
        "year": r"[$£€] ?\d{2,3}[,. ]?\d{3}|\d{2,3} ?k\b|per annum|par an\b|brut annuel",
    },
    "commission": {"yes": r"commission|\bOTE\b|\btips\b"},
    "bonus": {"yes": r"bonus|equity|stock options|13 ?(?:e|[èe]me) mois|int[ée]ressement|\bprimes?\b"},
    "experience_requirement": {
        "not_required": r"no (?:previous )?experience|d[ée]butant",
        "preferred": r"experience .{0,40}(?:a plus|preferred|desirable)|exp[ée]rience .{0,40}souhait",
        "required": rf"{_YEARS}|experience|exp[ée]rience",
    },
    "experience_level": {
        "entry": r"entry[- ]level|graduate|trainee|intern\b|stage\b|d[ée]butant|junior",
        "senior": rf"{_SENIOR}|[5-9]\+? ?(?:years|yrs|ans)",
        "executive": r"vice president|\bchief\b|\bhead of\b",
        "intermediate": rf"{_YEARS}|experience",
    },
    "education_requirement": {
        "not_required": r"no (?:degree|qualifications?)|sans dipl[ôo]me",
        "preferred": r"degree .{0,30}(?:preferred|a plus|desirable)|or equivalent experience",
        "required": r"degree|bachelor|master|diploma|\bbac ?\+|\bBTS\b|dipl[ôo]me|high school|GCSE",
    },
    "education_level": {
        "secondary": r"high school|GED|GCSE|A-levels?",
        "vocational": r"diploma|associate|\bBTS\b|\bDUT\b|bac ?\+ ?2|\bCAP\b|\bBEP\b|\bHND\b",
        "bachelor": r"bachelor|\bdegree\b|\bB\.?S\b|licence\b|bac ?\+ ?3",
        "master": r"master|\bMBA\b|bac ?\+ ?5|ing[ée]nieur",
        "doctorate": r"ph\.?d|doctora|\bM\.D\b",
    },
    "certification": {"required": r"licen[cs]e|certifi|registration|permis [BC]|CACES"},
    "employment_type": EMPLOYMENT_CUES,
    "seniority": {
        "intern": r"\bintern\b|stage\b|stagiaire|apprenti|alternan",
        "executive": r"director|\bVP\b|\bhead\b|\bchief\b|directeur",
        "manager": r"manager|responsable",
        "lead": r"\blead\b|supervisor|principal",
        "senior": r"senior|\bsr\b|confirm[ée]",
        "entry": r"junior|graduate|trainee|assistant",
    },
}


def majority(train: Sequence[Example], test: Sequence[Example]) -> dict[str, list[str]]:
    """Of each head the commonest class of the training part, for every posting."""
    return {h: [Counter(item.label[h] for item in train).most_common(1)[0][0]] * len(test) for h in HEADS}


def cues(test: Sequence[Example]) -> dict[str, list[str]]:
    """Regular expressions over the whole text (seniority: the title); the departments' names themselves."""
    texts = [item.doc.text for item in test]
    titles = [item.posting.title for item in test]
    result = {}
    for head, patterns in _CUES.items():
        compiled = {value: re.compile(pattern, re.IGNORECASE) for value, pattern in patterns.items()}
        read = titles if head == "seniority" else texts
        default = DEFAULTS.get(head, "mid")
        result[head] = [next((v for v, cue in compiled.items() if cue.search(text)), default) for text in read]
    names = HEADS["department"]
    result["department"] = [next((n for n in names if n.split(" ")[0].lower() in t.lower()), "Other") for t in texts]
    return result


def tfidf(train: Sequence[Example], test: Sequence[Example]) -> dict[str, list[str]]:
    """Word and word pair TF-IDF of the whole text with one balanced logistic regression for each head."""
    result = {}
    for head in HEADS:
        model = make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True, max_features=60_000),
            LogisticRegression(C=10.0, class_weight="balanced", max_iter=200),
        )
        model.fit([item.doc.text for item in train], [item.label[head] for item in train])
        result[head] = list(model.predict([item.doc.text for item in test]))
    return result
