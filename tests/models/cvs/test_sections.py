import pytest

from models.cvs.sections import Kind, heading_kind, lines


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Professional Experience", "experience"),
        ("WORK HISTORY:", "experience"),
        ("Expériences professionnelles", "experience"),
        ("Education and Training", "education"),
        ("FORMATION", "education"),
        ("Core Qualifications", "skills"),
        ("Compétences clés :", "skills"),
        ("Langues", "languages"),
        ("Licenses & Certifications", "certificates"),
        ("Executive Profile", "summary"),
        ("Centres d'intérêt", "other"),
        ("Experienced baker of bread", None),
        ("Skills: Excel", None),
        ("", None),
    ],
)
def test_headings(line: str, kind: Kind | None) -> None:
    assert heading_kind(line) == kind


def test_lines_know_their_section_and_offsets() -> None:
    text = "[NAME]\n\nExperience\n  Baker, 2010  \nSkills: bread, rolls\nOvens\n"
    rows = lines(text)
    assert [(text[row.start : row.end], row.kind) for row in rows] == [
        ("[NAME]", "head"),
        ("Experience", "experience"),
        ("Baker, 2010", "experience"),
        ("Skills: bread, rolls", "skills"),
        ("Ovens", "experience"),
    ]
    assert text[rows[2].heading.start : rows[2].heading.end] == "Experience"
