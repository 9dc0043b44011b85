"""Directories made up by a seed: people with everything that a mapping may name, and groups."""

import random
import uuid
from typing import Any

from scim.cli.simulator.roles import AppRole
from scim.cli.simulator.source import SourceDirectory

ROLES = tuple(
    AppRole(name, value, str(uuid.UUID(int=number)))
    for number, (name, value) in enumerate(
        [("Admin", "Admin"), ("Reader", "read.only"), ("Editor (R&D)", "Editor")], 0x06B0
    )
)

_GIVEN = ("Ada", "Bjørn", "Çağla", "Dmitri", "Étienne", "Fumiko", "Gráinne", "Hans-Peter")
_NASTY_GIVEN = ('Robert "Bob"', "D'Arcy", "Zoë Æ", "北京", "Ann\\Marie", "İpek", "J. R.")
_SURNAMES = ("Byron", "Lovelace", "Müller", "Nielsen", "O'Neil", "Öztürk", "Smith")
_NASTY_SURNAMES = ("van 't Hoff", "St. John-Smythe", "MacDonald", "Macdonald", 'x"y', "Ł & Co.")
_NASTY_NAMES = (
    'R&D "north" #{n}', "Sales + Marketing {n}", "O'Brien's [{n}]", "C:\\teams\\{n}",
    "Æblehaven, {n}; 50%", "A=B? {n}/x", "({n}) 経理部", "tab*{n}!@$",
)  # fmt: skip
_TITLES = ("Analyst", "Chef de projet", "Sales & Support", "QA / Test", '"Acting" Manager')
_CITIES = (("Aarhus", "DK"), ("Zürich", "CH"), ("Łódź", "PL"), ("St. John's", "CA"))


def generate(
    users: int,
    groups: int,
    seed: int,
    *,
    nasty: bool = True,
    members: tuple[int, int] = (0, 20),
    domain: str = "example.com",
    tag: str = "",
) -> SourceDirectory:
    """Make a directory with so many users and groups, all of them assigned; always the same one.

    Nasty are values with quotes, backslashes, plus signs, apostrophes, letters beyond ASCII, and
    names that differ in letter case alone. `members` says how many members groups have. `tag`
    keeps names apart from those of another directory in one store. Managers form trees.
    """
    chance = random.Random(seed)  # noqa: S311 - people made up, no secrets
    directory = SourceDirectory()
    people = [
        directory.add_user(**_person(number, chance, domain, tag, nasty=nasty))
        for number in range(users)
    ]
    for number in range(1, users):
        if chance.random() < 0.9:
            boss = people[chance.randrange(number) // 8]
            directory.update(people[number], manager=boss)
        if chance.random() < 0.3:
            directory.assign(people[number], *chance.sample(ROLES, chance.randint(1, len(ROLES))))
    for number in range(groups):
        size = min(chance.randint(*members), users)
        name = f"Group {number:04}{tag}"
        if nasty:
            name = _NASTY_NAMES[number % len(_NASTY_NAMES)].format(n=f"{number}{tag}")
        directory.add_group(
            *chance.sample(people, size),
            objectId=_guid(chance),
            displayName=name,
            mail=f"group{number}{tag}@{domain}",
            mailNickname=f"group{number}{tag}",
            securityEnabled=True,
        )
    return directory


def _person(
    number: int, chance: random.Random, domain: str, tag: str, *, nasty: bool
) -> dict[str, Any]:
    given = chance.choice(_GIVEN + _NASTY_GIVEN if nasty else _GIVEN)
    surname = chance.choice(_SURNAMES + _NASTY_SURNAMES if nasty else _SURNAMES)
    alias = f"user{number}{tag}"
    name = f"O'{alias}+x" if nasty and number % 5 == 1 else alias
    city, country = chance.choice(_CITIES)
    always = {
        "objectId": _guid(chance),
        "userPrincipalName": f"{name.title() if nasty and number % 7 == 3 else name}@{domain}",
        "displayName": f"{given} {surname}",
        "mail": f"{name}@{domain}",
        "mailNickname": alias,
        "givenName": given,
        "surname": surname,
        "accountEnabled": True,
        "proxyAddresses": [f"SMTP:{name}@{domain}", f"smtp:{alias}@old.{domain}"],
    }
    sometimes = {
        "jobTitle": chance.choice(_TITLES),
        "department": chance.choice(("R&D", "Sales", "Økonomi")),
        "employeeId": f"E/{number:05}{tag}",
        "telephoneNumber": f"+45 {number:08}",
        "mobile": f"+45 (0) 5550-{number:04}",
        "facsimileTelephoneNumber": f"5550 {number:04} x9",
        "streetAddress": f"{number} Main St, 2. th.",
        "city": city,
        "state": "Midtjylland",
        "postalCode": f"{8000 + number % 999}",
        "country": country,
        "physicalDeliveryOfficeName": f'Room "{number}" \\ B' if nasty else f"Room {number}",
        "preferredLanguage": chance.choice(("en-GB", "da-DK", "tr-TR")),
        "companyName": "Example & Sons",
        "employeeType": "Employee",
        "extensionAttribute1": f"{number:04}:é+{tag}" if nasty else f"{number:04}{tag}",
    }
    return always | {name: value for name, value in sometimes.items() if chance.random() < 0.8}


def _guid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
