"""Words of the types whose values are a closed set, in the languages of the labels: the first pattern that fits."""

import re
from collections.abc import Sequence

from models.queries.text import plain

_Table = Sequence[tuple[str, "re.Pattern[str]"]]


def _table(*rows: tuple[str, str]) -> _Table:
    return tuple((value, re.compile(pattern)) for value, pattern in rows)


# All on text without case and accents.
_TABLES: dict[str, _Table] = {
    "work_arrangement": _table(
        ("hybrid", r"hybrid|hibrid|ibrid|partial remote|teletravail partiel|days? (?:in|on|at|a week|from|remote|wfh)"
                   r"|\d ?(?:j|jours?|tage?|dagen|days?|dias|giorni)\b|some (?:remote|wfh)|flexib"),
        ("remote",
        r"remot|wfh|home|tele|distan|domicile|online|virtual|zdaln|thuis|anywhere|fern|casa|maison|en ligne"),
        ("onsite", r""),
    ),
    "employment_type": _table(
        ("apprenticeship",
        r"apprenti|apprendi|alternan|ausbildung|contrat pro|azubi|lehre|leerling|bbl|dual|learnership"),
        ("volunteer", r"volunt|benevol|ehrenamt|volont|vrijwillig|wolontar|service civique|unpaid"),
        ("internship",
        r"intern\b|interns|internship|\bstages?\b|stagiair|praktik|practica|tirocin|estagi|\bstaz|placement"
                       r"|werkstudent|pfe\b|becari"),
        ("temporary", r"(?<!mi-)(?<!mi )\btemps?\b(?! (?:plein|partiel|complet))|temporary"
                      r"|interim|\bcover|locum|season|saison|stagional|temporada|casual"
                      r"|bank\b|agenc|agenzia|agentur|leiharbeit|zeitarbeit|uitzend|remplac|vervang|supplen|\bete\b"
                      r"|summer|winter|relief|supply|day labou?r|vacanc|temporal|ater\b|vikari|sezon|\bferi"),
        ("part_time", r"part|\bpt\b|half|mi-?temps|teilzeit|partiel|parcial|deeltijd|halb|media jornada|meio|pol etatu"
                      r"|minijob|student|etudiant|bijbaan|hours?|\bhrs?\b|\dh\b|heures|stunden|\buur|ore\b|horas|fte"
                      r"|\d dagen|\d days|[1-9]\d ?%|jours"),
        ("full_time", r"perma|\bperm\b|\bcdi\b|unbefrist|indefini|sem termo|\bfull|vollzeit|plein|umowa o prac|\bft\b"),
        ("contract", r"contract|cdd|freelanc|fixed|determin|c2c|1099|b2b|self|indep|vacation|pige|piges|consult"
                     r"|intermitt|fellow|befrist|contrat|zlecen|dzielo"
                     r"|partita|recibo|umbrella|ltd|corp|gig|auto-?entrepreneur|portage|mission|ftc|zzp|autonom|tacheron"
                     r"|liberal"),
        ("full_time", r""),
    ),
    "seniority": _table(
        ("entry", r"junior|\bjr|entry|grad\b|graduate|fresh|debut|begin|starter|trainee|einst|absolv|jeune|novice"
                  r"|new grad"
                  r"|principiant|neolaur|apprenti|categorie c|assistant|mlods|\bl[123]\b|school leaver|berufsanf"
                  r"|recem"),
        ("intern", r"intern|stagiair|praktik"),
        ("executive",
        r"exec(?!utive officer)|director|direct|\bvp\b|vice pres|c-?level|c-?suite|chief|ceo|dirigeant|partner"
                      r"|president|geschafts|board"),
        ("lead", r"lead|head|principal|staff|chef|manag|supervis|respons|leit|foreman|forem|charge|encadr|capo|jefe"),
        ("senior", r"senior|\bsr|experi|erfahr|confirmed|\bl[567]\b|\biii\b|advanced|starszy|esperto|doswiad"),
        ("mid", r""),
    ),
    "education": _table(
        ("none", r"^(?:no|sans|without|kein\w*|sin|senza|sem|geen|bez|pas|aucun)\b|n[o']t? ?(?:need|requir)"
                 r"|doesn'?t need"
                 r"|school leaver|unqualified|non diplom|not needed"),
        ("doctorate", r"phd|ph\.d|doctor|dottor|doutor|promot|\bmd\b|these"),
        ("master",
        r"master|\bmsc?\b|m\.?sc|mba|\bma\b|bac ?\+ ?[56]|grande ecole|ingenieur|magist|laurea mag|diplom-|llm"
                   r"|postgrad|mtech|m\.tech|mlis|\bmph\b|dea|dess|meng|insp\b|\bm[12]\b"),
        ("bachelor",
        r"bachel|\bbs?c?\b|b\.? ?(?:sc|a|com|tech|ed|e)\b|btech|bcom|licence|licenc|bac ?\+ ?[34]|degree|undergrad"
                     r"|\bbut\b|laurea|hbo|universit|college grad|bhm|\bbe\b|hons|diplome d'etat|licencjat|grado"),
        ("associate", r"associat|\bbts\b|\bdut\b|bac ?\+ ?2|deug|foundation|hnd|a\.a\.|2.year"),
        ("vocational",
        r"\bcap\b|\bcip\b|bep|bac pro|nvq|vocation|ausbildung|diplom|apprentice|trade|bafa|certificat|mbo|fp\b|iti\b"
                       r"|titre pro|level \d|\bmc\b|city (?:&|and) guilds|cfc|gelernt|deaes|caap"),
        ("secondary", r""),
    ),
}  # fmt: skip


def value(name: str, span: str) -> str:
    """The class of a type's words; the type's usual one where no other fits.

    Raises:
        KeyError: the type's values are no closed set.
    """
    text = plain(span)
    return next(found for found, pattern in _TABLES[name] if pattern.search(text))


CLOSED = frozenset(_TABLES)
