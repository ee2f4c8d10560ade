"""What a title says, in the vocabulary of posting features, for postings whose text does not say it.

Departments translate one to one but for names and `Other`: a posting's vocabulary splits that into a dozen
(engineering, health care, teaching …), so `Other` says only what the department is not, and None is given.
Seniority loses more. `Professional` holds everything from the second job to the tenth, so it becomes `mid`; `Junior`
holds interns and beginners, told apart by their words alone; `Director` stands between a manager and the board and
becomes `executive`, as the posting guide has directors; `Lead` holds heads, managers and team leaders, which a posting
tells apart: the title's words decide.
"""

import re

from topics.fields import Department, Seniority
from topics.titles import TitleDepartment, TitleSeniority

_INTERN = re.compile(
    r"\bintern(?:ship)?s?\b|praktik|stagiaire|\bstage\b|werkstudent|working student|azubi|auszubild|apprenti|alternan"
    r"|duales studium|tirocinante|becari|pr[aá]cticas",
    re.IGNORECASE,
)
_HEAD = re.compile(r"\bhead\b", re.IGNORECASE)
_MANAGER = re.compile(r"manager|leiter|leitung|responsable|\bchef", re.IGNORECASE)
_TEAM = re.compile(r"\bteam|projekt|project|gruppe|tech(?:nical)? lead|\bchef d.[ée]quipe", re.IGNORECASE)
_SENIORITY: dict[TitleSeniority, Seniority] = {
    "Junior": "entry",
    "Professional": "mid",
    "Senior": "senior",
    "Lead": "lead",
    "Director": "executive",
    "Management": "executive",
}
_DEPARTMENT: dict[TitleDepartment, Department | None] = {
    "Administrative": "Administrative",
    "Business Development": "Business Development",
    "Consulting": "Consulting",
    "Customer Support": "Customer Support",
    "Human Resources": "Human Resources",
    "Information Technology": "Information Technology",
    "Marketing": "Marketing & Communication",
    "Other": None,
    "Project Management": "Project Management",
    "Purchasing": "Purchasing",
    "Sales": "Sales",
}


def seniority(found: TitleSeniority, title: str) -> Seniority:
    """The posting's seniority; the title's words part interns from beginners and managers from leads."""
    if found == "Junior" and _INTERN.search(title):
        return "intern"
    if found == "Lead" and _HEAD.search(title):
        return "executive"
    if found == "Lead" and _MANAGER.search(title) and not _TEAM.search(title):
        return "manager"
    return _SENIORITY[found]


def department(found: TitleDepartment) -> Department | None:
    """The posting's department, None where the title's classes say no more than that it is another one."""
    return _DEPARTMENT[found]
