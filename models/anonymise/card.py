"""The model card, from the figures of an evaluation."""

from pathlib import Path

from models.anonymise.report import Report

_HEAD = """\
# Anonymiser of CVs

Masks what tells who a person is, in English and French, before anything else reads the text: names, e-mail addresses,
phones, links, birth dates, ages, gender and family words, nationality, photos, addresses, numbers of documents, schools
for one gender. Written by `python -m models.anonymise.evaluate --card`.

**Method:** patterns with checksums (`python-stdnum`) and numbering plans (`phonenumbers`) for what has a form; for
names and addresses a linear-chain conditional random field (CRFsuite) over words, shapes, the place in the document and
a lexicon; names that were found are masked wherever else they stand. Runs in the worker's process, without a server.
**Training data:** invented people in composed layouts, around real CV bodies without names (English), real postings
(French) and invented bodies. No real person's name was used to train or test. The texts are not part of the repository.
**Lexicon:** first and last names from Faker (MIT) and the 1990 census of the United States (public domain), towns from
GeoNames (CC BY 4.0), frequent plain words of the bodies.
**Licence of the weights:** Apache-2.0.

    python -m models.anonymise.train --cvs cvs.jsonl.gz --postings postings.jsonl.gz --reserved ids.txt
    python -m models.anonymise.evaluate --cvs cvs.jsonl.gz --postings postings.jsonl.gz --reserved ids.txt --card

Without the files both run on invented bodies.

## Figures

Every word of a test name or town is absent from training texts and from the lexicon; test layouts were written apart
from the training layouts; test bodies are other CVs and postings. A value is found when all of its letters and digits
are masked. A mask is right when it touches something that was to be masked; the real bodies do hold names, links and
pronouns that nobody marked, which count against the precision here.

"""
_TAIL = """

## Other tools

Presidio and scrubadub were looked at. Both find names by a spaCy model (some 400 MB installed, tens of milliseconds to
hundreds a CV) and know e-mail addresses, phones and some documents by patterns; neither knows ages, marital words,
pronouns, titles or schools for one gender. `--texts` writes the test CVs for such a tool and `--other` reads its
answer, so that it can be put beside these figures.

## Limits

- French agreement beyond pronouns and birth ("diplômée", "motivé", "directrice") is not masked, nor are job titles
  that tell a gender ("waitress", "infirmière"): matching needs titles.
- A name in lower case in running text is found only where the header names the person.
- A candidate called like a plain word or a town ("Grace", "London") is masked in running text only beside another part
  of the name.
- Names of authors in lists of publications and of prizes are masked or not as the words fall.
- Two CVs give the same masked text only where every value was found in both; the share is stated above.
"""


def write(path: Path, report: Report) -> None:
    """Writes the card."""
    path.write_text(_HEAD + "\n".join(report.lines()) + _TAIL, "utf-8")
