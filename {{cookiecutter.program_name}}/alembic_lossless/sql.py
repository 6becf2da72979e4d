"""SQL text: read by one tokenizer, classified in one place, written by the dialect.

Nothing else in the library looks into a text of SQL or puts a name into quotes. Where a
database is given, its own rules for strings, names and comments hold; where none is, a
text is read as far as all of them agree. The tests ask the servers.

Sources: "Lexical Structure" in PostgreSQL's documentation, "SQL Language Structure" in
MariaDB's and MySQL's, "SQL As Understood By SQLite".
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import cache, cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.default import DefaultDialect


def keywords(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


# What a text consists of.


class Kind(Enum):
    """What a piece of a text is."""

    SPACE = "white space, or a comment"
    STRING = "a value in quotes"
    NAME = "a name in quotes"
    PARAMETER = "what stands for a value that is given elsewhere"
    NUMBER = "a number"
    WORD = "a keyword, or a name without quotes"
    SIGN = "an operator, a parenthesis, a comma"


class Token(NamedTuple):
    """A piece of a text."""

    kind: Kind
    text: str
    """As it is written."""
    value: str
    """The name or the value that is in the quotes; all else as it is written."""

    @property
    def word(self) -> str:
        """The word in upper case, as a keyword; empty for all else."""
        return self.text.upper() if self.kind is Kind.WORD else ""

    @property
    def is_name(self) -> bool:
        """Whether it can name something."""
        return self.kind in {Kind.WORD, Kind.NAME}


NOTHING = Token(Kind.SPACE, "", "")

LETTER = r"A-Za-z_\x80-\U0010ffff"
QUOTED = r"'(?:[^']|'')*(?:'|\Z)"
ESCAPED = r"'(?:[^'\\]|\\.|'')*(?:'|\Z)"
ESCAPED_DOUBLE = r'"(?:[^"\\]|\\.|"")*(?:"|\Z)'
DOUBLE = r'"(?:[^"]|"")*(?:"|\Z)'
BACKTICK = r"`(?:[^`]|``)*(?:`|\Z)"
DOLLARS = rf"(?P<tag>\$(?:[{LETTER}][{LETTER}0-9]*)?\$).*?(?:(?P=tag)|\Z)"
BLANK = r"[ \t\n\r\f\v\0]"
LINE = r"--[^\n]*"
COMMENT = r"/\*.*?(?:\*/|\Z)"
COLON = r"(?<![:\w\\]):\w+"
NUMBER = r"0[xX][0-9A-Fa-f]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"

GRAMMAR = {
    Kind.SPACE: rf"{LINE}|{COMMENT}",
    Kind.STRING: QUOTED,
    Kind.NAME: rf"{DOUBLE}|{BACKTICK}",
    Kind.PARAMETER: rf"{COLON}|\?",
    Kind.NUMBER: NUMBER,
    Kind.WORD: rf"[{LETTER}][{LETTER}0-9$]*",
    Kind.SIGN: r"::|:=|<=>|<=|>=|<>|!=|==|\|\||->>|->|<<|>>|.",
}
"""What the tokens look like on every database; the first that fits is the one."""

MYSQL = {
    # What begins with `/*!` or `/*M!` is no comment: the server runs it.
    Kind.SPACE: rf"/\*M?!\d{{0,6}}|\*/|{COMMENT}|--(?:{BLANK}[^\n]*|\Z)|#[^\n]*",
    Kind.STRING: rf"[nNxXbB]?{ESCAPED}",
    Kind.NAME: BACKTICK,
    Kind.PARAMETER: rf"{COLON}|\?|@@?(?:[{LETTER}0-9.$]+|{BACKTICK})",
    Kind.NUMBER: rf"(?:{NUMBER})(?![{LETTER}0-9$])",
    Kind.WORD: rf"[{LETTER}0-9$]+",
}
GRAMMARS = {
    "sqlite": {
        Kind.STRING: rf"[xX]?{QUOTED}",
        Kind.NAME: rf"{DOUBLE}|{BACKTICK}|\[[^\]]*(?:\]|\Z)",
        Kind.PARAMETER: rf"{COLON}|\?\d*|[@$][{LETTER}0-9]+",
    },
    "postgresql": {
        # Its comments hold others, which no pattern can count.
        Kind.SPACE: LINE,
        Kind.STRING: rf"[eE]{ESCAPED}|(?:[uU]&|[bBxXnN])?{QUOTED}|{DOLLARS}",
        Kind.NAME: rf"(?:[uU]&)?{DOUBLE}",
        Kind.PARAMETER: rf"{COLON}|\$\d+",
    },
    "mysql": MYSQL | {Kind.STRING: rf"[nNxXbB]?{ESCAPED}|{ESCAPED_DOUBLE}"},
    "ansi_quotes": MYSQL | {Kind.NAME: rf"{DOUBLE}|{BACKTICK}"},
}
"""What looks different on a database."""

COMMENT_LIMIT = re.compile(r"/\*|\*/")


def tokens(sql: str, dialect: Dialect | None = None) -> Iterator[Token]:
    """Give the pieces of a text, which are all of it.

    :param sql: statements, or a part of one.
    :param dialect: the database that reads it; None for what they all read alike.
    """
    database = _grammar(dialect)
    pattern, place = _pattern(database), 0
    while place < len(sql):
        if database == "postgresql" and sql.startswith("/*", place):
            kind, end = Kind.SPACE, _end_of_comment(sql, place)
        else:
            found = pattern.match(sql, place)
            if found is None:
                raise AssertionError(sql[place:])
            kind, end = Kind[str(found.lastgroup)], found.end()
        text = sql[place:end]
        yield Token(kind, text, _value(kind, text, database))
        place = end


def significant(sql: str, dialect: Dialect | None = None) -> list[Token]:
    """Return the pieces of a text without white space and comments."""
    return [it for it in tokens(sql, dialect) if it.kind is not Kind.SPACE]


def _grammar(dialect: Dialect | None) -> str:
    """Return the key of the grammar of a database."""
    name = dialect.name if dialect is not None else ""
    if dialect is not None and name in {"mysql", "mariadb"}:
        # The server's sql_mode may say so, and SQLAlchemy asks for it.
        ansi = dialect.identifier_preparer.initial_quote == '"'
        return "ansi_quotes" if ansi else "mysql"
    return name


@cache
def _pattern(database: str) -> re.Pattern[str]:
    grammar = {**GRAMMAR, **GRAMMARS.get(database, {})}
    grammar[Kind.SPACE] += f"|{BLANK}+"
    parts = [f"(?P<{kind.name}>{grammar[kind]})" for kind in Kind]
    return re.compile("|".join(parts), re.DOTALL)


def _end_of_comment(sql: str, place: int) -> int:
    depth = 0
    for found in COMMENT_LIMIT.finditer(sql, place):
        depth += 1 if found[0] == "/*" else -1
        if depth == 0:
            return found.end()
    return len(sql)


# What stands in quotes.

HEX = "[0-9A-Fa-f]"
C_ESCAPE = re.compile(
    rf"\\(?:u({HEX}{{4}})|U({HEX}{{8}})|x({HEX}{{1,2}})|([0-7]{{1,3}})|(.))", re.DOTALL
)
C_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
UNICODE_ESCAPE = re.compile(rf"\\(?:({HEX}{{4}})|\+({HEX}{{6}})|(\\))")
MYSQL_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
MYSQL_LETTERS = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
# In a pattern of LIKE these two mean something with their backslash.
MYSQL_LETTERS |= {"%": r"\%", "_": r"\_"}


def _value(kind: Kind, text: str, database: str) -> str:
    """Return what stands in the quotes of a token, as it was before it stood there."""
    if kind not in {Kind.NAME, Kind.STRING}:
        return text
    if text.startswith("$"):
        width = text.index("$", 1) + 1
        return text[width:-width]
    start = next(place for place, sign in enumerate(text) if sign in "'\"`[")
    prefix, quote, rest = text[:start].lower(), text[start], text[start + 1 :]
    if quote == "[":
        return rest.removesuffix("]")
    inside = rest.removesuffix(quote).replace(quote * 2, quote)
    if database in {"mysql", "ansi_quotes"} and kind is Kind.STRING:
        return MYSQL_ESCAPE.sub(lambda it: MYSQL_LETTERS.get(it[1], it[1]), inside)
    if prefix == "u&":
        return UNICODE_ESCAPE.sub(_unicode, inside)
    return C_ESCAPE.sub(_c_escaped, inside) if prefix == "e" else inside


def _unicode(found: re.Match[str]) -> str:
    return found[3] or chr(int(found[1] or found[2], 16))


def _c_escaped(found: re.Match[str]) -> str:
    if digits := found[1] or found[2] or found[3]:
        return chr(int(digits, 16))
    return chr(int(found[4], 8)) if found[4] else C_LETTERS.get(found[5], found[5])


def string_in(sql: str, dialect: Dialect | None = None) -> str | None:
    """Return the value of a text that is one string, whatever type it is cast to.

    :param sql: such as `'new'::character varying`, as PostgreSQL reports a default.
    :return: None for any other text.
    """
    pieces = _bare(significant(sql, dialect))
    if len(pieces) > 1 and pieces[0].value.startswith("_"):
        pieces = pieces[1:]  # MariaDB's word for the character set
    if not pieces or pieces[0].kind is not Kind.STRING:
        return None
    place = 1
    while place < len(pieces) and pieces[place].text == "::":
        place = _end_of_type(pieces, place + 1)
    return pieces[0].value if place == len(pieces) else None


# What an expression speaks of.

RESERVED = keywords(
    "ALL AND BETWEEN CASE DISTINCT ELSE FROM IN IS LIKE NOT OR SELECT THEN WHEN WHERE"
)
"""Words behind which a value stands, and that name nothing without quotes."""

OPERATORS = RESERVED | keywords(
    "DIV ESCAPE FOR GLOB ILIKE MATCH MOD OVERLAPS PLACING REGEXP RLIKE SIMILAR SOUNDS"
    " TO XOR"
)
"""Words between two values; most of them name a column elsewhere."""

BEHIND = keywords("AS ASC AT COLLATE DESC END ISNULL NOTNULL NULLS USING")
"""Words behind a value, behind which none stands."""

PREFIXES = keywords(
    "ARRAY BINARY BOTH DATE INTERVAL LEADING ROW TIME TIMESTAMP TRAILING"
)
"""Words before a value; alone they name a column."""

CONSTANTS = keywords("CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP FALSE NULL TRUE")
ON_SERVERS = keywords("CURRENT_USER LOCALTIME LOCALTIMESTAMP SESSION_USER")
"""Values that have a name without parentheses; SQLite has fewer of them."""

STATES = keywords("DOCUMENT FALSE JSON NORMALIZED NULL TRUE UNKNOWN")
"""What a value IS."""

WITH_UNIT = {"EXTRACT", "GET_FORMAT", "TIMESTAMPADD", "TIMESTAMPDIFF", "TRIM"}
"""Functions whose first argument can be a word of the language."""

OF_TYPES = keywords("PRECISION TIME VARYING WITH WITHOUT ZONE")
"""Words that the name of a type goes on with."""


def columns_in(
    expression: str, columns: Iterable[str], dialect: Dialect | None = None
) -> list[str]:
    """Return the columns that an expression speaks of, in the order they are given.

    A function, a type, a collation or a unit is none of them, whatever it is called.

    :param expression: SQL without a query in it, as in a CHECK or an index.
    :param columns: the names of those that there are.
    """
    pieces = significant(expression, dialect)
    named = [pieces[place] for place, is_call in _uses(pieces, dialect) if not is_call]
    return [it for it in columns if any(_means(token, it, dialect) for token in named)]


def renamed(
    expression: str, names: Mapping[str, str | None], dialect: Dialect | None = None
) -> str | None:
    """Return an expression as it reads when columns have other names.

    :param expression: SQL without a query in it, as in a CHECK or an index.
    :param names: the new name of a column by the old one; None for one that is dropped.
    :return: None when the expression speaks of a column that is dropped.
    """
    every = list(tokens(expression, dialect))
    places = [n for n, token in enumerate(every) if token.kind is not Kind.SPACE]
    words = [token.text for token in every]
    for found, is_call in _uses([every[place] for place in places], dialect):
        if is_call:
            continue
        place = places[found]
        old = next((it for it in names if _means(every[place], it, dialect)), None)
        if old is not None:
            new = names[old]
            if new is None:
                return None
            words[place] = words[place] if new == old else quoted(new, dialect)
    return "".join(words)


def functions_in(expression: str, dialect: Dialect | None = None) -> list[str]:
    """Return the functions that an expression calls, in lower case."""
    pieces = significant(expression, dialect)
    found = _uses(pieces, dialect)
    called = [pieces[place].value.lower() for place, is_call in found if is_call]
    return [name for name in called if name != "cast"]


def not_null_in(condition: str, dialect: Dialect | None = None) -> str | None:
    """Return the column of which a condition says that it is not NULL, and no more."""
    first, *rest = _bare(significant(condition, dialect)) or [NOTHING]
    says_it = [it.word for it in rest] == ["IS", "NOT", "NULL"]
    return _folded(first, dialect) if first.is_name and says_it else None


def has_order(sql: str, dialect: Dialect | None = None) -> bool:
    """Tell whether a key or an index says in which order its columns are."""
    return any(it.word in {"COLLATE", "DESC"} for it in significant(sql, dialect))


def without_order(part: str, dialect: Dialect | None = None) -> str:
    """Return a part of an index without the order that it is kept in.

    Source: `opclass [ASC | DESC] [NULLS {FIRST | LAST}]` of PostgreSQL's CREATE INDEX;
    the others have ASC and DESC alone.

    :param part: a column or an expression, and its order.
    """
    every = list(tokens(part, dialect))
    places = [n for n, token in enumerate(every) if token.kind is not Kind.SPACE]
    words = [every[place].word for place in places]
    if words[-2:] in (["NULLS", "FIRST"], ["NULLS", "LAST"]):
        del words[-2:]
    if words[1:] and words[-1] in {"ASC", "DESC"}:
        del words[-1]
    end = places[len(words) - 1] + 1 if words else len(every)
    return "".join(token.text for token in every[:end])


def _means(token: Token, column: str, dialect: Dialect | None) -> bool:
    """Tell whether a name is that of a column."""
    if dialect is not None and dialect.name == "postgresql":
        return _folded(token, dialect) == column
    return token.value.lower() == column.lower()


def _folded(token: Token, dialect: Dialect | None) -> str:
    """Return a name as the database has it."""
    if dialect is None or dialect.name != "postgresql" or token.kind is Kind.NAME:
        return token.value
    return token.value.lower()


def _uses(
    pieces: Sequence[Token], dialect: Dialect | None
) -> Iterator[tuple[int, bool]]:
    """Give the places of columns and of functions, and whether it is a function.

    A value stands at the beginning, and behind an operator. Behind a value stands an
    operator, or what belongs to the value.
    """
    place, value, calls = 0, True, list[str]()
    while place < len(pieces):
        token, end = pieces[place], _end_of_name(pieces, place)
        if not token.is_name:
            place, value = _behind_sign(pieces, place, calls, value=value)
        elif _text(pieces, end) == "(" and token.word not in RESERVED:
            calls.append(token.word)
            if token.word not in OPERATORS:
                yield end - 1, True
            place, value = end + 1, True
        elif not value:
            place, value = _behind_value(pieces, place, end)
        elif token.word in RESERVED or _is_prefix(pieces, place, end, dialect):
            place = end
        else:
            first = calls[-1:] if _text(pieces, place - 1) == "(" else []
            if not _is_constant(pieces, place, end, first, dialect):
                yield end - 1, False
            place, value = end, False


def _behind_sign(
    pieces: Sequence[Token], place: int, calls: list[str], *, value: bool
) -> tuple[int, bool]:
    """Return where to go on behind what names nothing, and whether a value follows."""
    token = pieces[place]
    if token.kind is not Kind.SIGN:
        return place + 1, False
    if token.text in {"(", "["}:
        calls.append("")
        return place + 1, True
    if token.text in {")", "]"}:
        del calls[-1:]
        return place + 1, False
    if token.text == "::":
        return _end_of_type(pieces, place + 1), False
    if token.text == ".":  # a field of what stands in parentheses
        return place + 2, False
    return place + 1, not (value and token.text == "*")


def _behind_value(pieces: Sequence[Token], place: int, end: int) -> tuple[int, bool]:
    """Return where to go on behind a word behind a value, and whether one follows."""
    word = pieces[place].word
    if word == "AS":
        return _end_of_argument(pieces, end), False
    if word in {"COLLATE", "USING"}:
        return _end_of_name(pieces, end), False
    if word == "AT":
        zone = _word(pieces, end) == "TIME"
        return end + 1 + zone, zone
    if word == "IS":
        end += _word(pieces, end) == "NOT"
        state = _word(pieces, end) in STATES
        return end + state, not state
    # NOT is before another operator here.
    return end, word in OPERATORS and word != "NOT"


def _is_prefix(
    pieces: Sequence[Token], place: int, end: int, dialect: Dialect | None
) -> bool:
    """Tell whether a word begins a value, as in DATE '2026-01-31', INTERVAL 1 DAY."""
    word, behind = pieces[place].word, pieces[end : end + 1]
    if not word or not behind:
        return False
    if behind[0].kind is Kind.STRING or word not in PREFIXES:
        return behind[0].kind is Kind.STRING
    if _grammar(dialect) in {"mysql", "ansi_quotes"} and word in {"BINARY", "INTERVAL"}:
        return True
    if behind[0].word == "FROM":
        return word in {"BOTH", "LEADING", "TRAILING"}
    return behind[0].kind is not Kind.SIGN and behind[0].word not in OPERATORS | BEHIND


def _is_constant(
    pieces: Sequence[Token],
    place: int,
    end: int,
    call: Sequence[str],
    dialect: Dialect | None,
) -> bool:
    """Tell whether a word is a value itself, or a unit."""
    word = pieces[place].word
    if word in CONSTANTS or (word in ON_SERVERS and _grammar(dialect) != "sqlite"):
        return True
    behind = _word(pieces, end) or _text(pieces, end)
    return (
        bool(word) and {*call} <= WITH_UNIT and bool(call) and behind in {"FROM", ","}
    )


def _end_of_name(pieces: Sequence[Token], place: int) -> int:
    """Return the place behind a name, with what stands before its dots."""
    place += 1
    while _text(pieces, place) == "." and place + 1 < len(pieces):
        place += 2
    return place


def _end_of_type(pieces: Sequence[Token], place: int) -> int:
    place = _end_of_name(pieces, place)
    while place < len(pieces):
        if pieces[place].text in {"(", "["}:
            place = _end_of_group(pieces, place)
        elif pieces[place].word in OF_TYPES:
            place += 1
        else:
            break
    return place


def _end_of_group(pieces: Sequence[Token], place: int) -> int:
    """Return the place behind the parenthesis that closes one."""
    depth = 0
    for end in range(place, len(pieces)):
        depth += pieces[end].text in {"(", "["}
        depth -= pieces[end].text in {")", "]"}
        if depth == 0:
            return end + 1
    return len(pieces)


def _end_of_argument(pieces: Sequence[Token], place: int) -> int:
    """Return the place of the comma or the parenthesis that ends an argument."""
    while place < len(pieces) and pieces[place].text not in {",", ")"}:
        is_group = pieces[place].text == "("
        place = _end_of_group(pieces, place) if is_group else place + 1
    return place


def _text(pieces: Sequence[Token], place: int) -> str:
    return pieces[place].text if 0 <= place < len(pieces) else ""


def _word(pieces: Sequence[Token], place: int) -> str:
    return pieces[place].word if 0 <= place < len(pieces) else ""


# Whether two expressions are one.

LIST, LOOSEST, TIGHTEST, OPERAND = -1, 0, 100, 101

LEVELS = {"OR": 1, "AND": 2, "NOT": 3, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6}
LEVELS |= dict.fromkeys(keywords("IS IN LIKE BETWEEN = == <> != < > <= >="), 4)
LEVELS |= dict.fromkeys([".", "::", "[", "]"], TIGHTEST)
"""How tightly the operators bind that bind alike on all databases."""

LIMITS = keywords("AS ASC CASE DESC ELSE END THEN WHEN WHERE")
"""What a whole expression stands between."""

LISTS = frozenset([",", "SELECT", "VALUES", "WITH"])
"""What makes parentheses more than a way to group."""

SPELLINGS = {"!=": "<>", "==": "="}
OPEN, CLOSE = (Token(Kind.SIGN, it, it) for it in "()")


@dataclass
class Part:
    """A token, or all that stands between two parentheses."""

    tokens: list[Token]
    loosest: int = OPERAND
    """How tightly the loosest operator in it binds."""
    beside: int | None = None
    """How tightly it binds what is beside it; None for what is no operator."""
    is_group: bool = False
    in_case: bool = False
    """Whether it stands between CASE and END, where nothing else reaches it."""


def same(one: str, other: str, dialect: Dialect | None = None) -> bool:
    """Tell whether two expressions are one, however they are spelled.

    Quotes of names, space, comments, the case of words and parentheses that change
    nothing do not count.
    """
    return normal(one, dialect) == normal(other, dialect)


def normal(expression: str, dialect: Dialect | None = None) -> tuple[str, ...]:
    """Return what all spellings of an expression have in common."""
    folds = dialect is not None and dialect.name != "postgresql"
    found = []
    for token in _bare(significant(expression, dialect)):
        if token.kind is Kind.STRING:
            found.append(f"'{token.value}")
        elif token.kind is Kind.NAME and not folds:
            found.append(token.value)
        else:
            found.append(SPELLINGS.get(token.text, token.value.lower()))
    return tuple(found)


def _bare(pieces: Sequence[Token]) -> list[Token]:
    """Return an expression without the parentheses that change nothing."""
    return _grouped(pieces).tokens


def _grouped(pieces: Sequence[Token]) -> Part:
    parts, place, between, cases = list[Part](), 0, 0, 0
    while place < len(pieces):
        token, word, end = pieces[place], pieces[place].word, place + 1
        if token.text == "(":
            end = _end_of_group(pieces, place)
            inside = pieces[end - 1].text == ")" and pieces[place + 1 : end - 1]
            part = _grouped(inside or [])
            part.is_group = True
        else:
            between += word == "BETWEEN"
            joins = word == "AND" and between > 0
            between -= joins
            cases += (word == "CASE") - (word == "END")
            part = _part(token, "BETWEEN" if joins else word or token.text)
        part.in_case = cases > 0
        parts.append(part)
        place = end
    flat = list[Token]()
    for place, part in enumerate(parts):
        keeps = part.is_group and not _is_redundant(parts, place)
        flat += [OPEN, *part.tokens, CLOSE] if keeps else part.tokens
    outer = (OPERAND if it.in_case else it.loosest for it in parts)
    return Part(flat, min(outer, default=LIST))


def _part(token: Token, word: str) -> Part:
    if word in LEVELS:
        return Part([token], LEVELS[word], LEVELS[word])
    if word in LIMITS | LISTS:
        return Part([token], LIST if word in LISTS else OPERAND, LOOSEST)
    if token.kind is Kind.SIGN or word in OPERATORS | BEHIND:
        return Part([token], LOOSEST, TIGHTEST)  # databases differ in it
    return Part([token])


def _is_redundant(parts: Sequence[Part], place: int) -> bool:
    """Tell whether what stands in parentheses would say the same without them."""
    inside = parts[place]
    before = parts[place - 1] if place else Part([], beside=LOOSEST)
    after = parts[place + 1].beside if place + 1 < len(parts) else LOOSEST
    is_call = before.beside is None or [it.word for it in before.tokens] == ["IN"]
    if is_call or inside.loosest == LIST:
        return False
    left, right = before.beside or LOOSEST, TIGHTEST if after is None else after
    if left == right == LOOSEST:
        return True
    # Of two comparisons the first is not the first everywhere.
    joins = inside.loosest == right != LEVELS["="]
    return inside.loosest > left and (joins or inside.loosest > right)


# The parts of a CREATE TABLE.

CONSTRAINTS = keywords("CHECK CONSTRAINT FOREIGN PRIMARY UNIQUE")


class Item(NamedTuple):
    """A column, a constraint, or the options behind the parentheses."""

    column: str | None
    constraint: str | None
    words: list[str]
    """Keywords in upper case, all else as it is written; without parentheses."""
    groups: list[str]
    """What stands in the parentheses."""
    checks: list[tuple[str | None, str]]
    """The names, if they have one, and the conditions of CHECKs."""
    collation: str | None
    computed: str | None
    """The expression of a generated column."""

    @property
    def is_key(self) -> bool:
        """Whether it is a primary key, or a UNIQUE, that stands by itself."""
        return self.column is None and bool({"PRIMARY", "UNIQUE"} & {*self.words})

    def count(self, clause: str) -> int:
        """Count a clause, such as ON CONFLICT."""
        return f" {' '.join(self.words)} ".count(f" {clause} ")

    def on_conflict(self, clause: str) -> str | None:
        """Return what ON CONFLICT says behind a clause, such as NOT NULL."""
        words, sought = self.words, clause.split()
        for place in range(len(words)):
            behind = place + len(sought)
            if words[place:behind] == sought:
                behind += words[behind : behind + 1] in (["ASC"], ["DESC"])
                if words[behind : behind + 2] == ["ON", "CONFLICT"]:
                    return words[behind + 2]
        return None


def items(sql: str, dialect: Dialect | None = None) -> tuple[Item, ...]:
    """Return what a CREATE TABLE consists of, the options of the table at the end.

    :param sql: the statement, such as SQLite keeps it.
    """
    pieces = [
        Token(Kind.SPACE, " ", " ") if it.kind is Kind.SPACE else it
        for it in tokens(sql, dialect)
    ]
    place = 1 + next(n for n, it in enumerate(pieces) if it.text == "(")
    end, found = _end_of_group(pieces, place - 1), list[Item]()
    while place < end:
        begin, place = place, _end_of_argument(pieces, place)
        found.append(_item(pieces[begin:place]))
        place += 1
    options = [it.word or it.text for it in pieces[end:] if it.kind is not Kind.SPACE]
    return *found, Item(None, None, options, [], [], None, None)


def names_in_list(sql: str, dialect: Dialect | None = None) -> list[str]:
    """Return the names that the parts of a list begin with, as in a key."""
    pieces, place, names = significant(sql, dialect), 0, list[str]()
    while place < len(pieces):
        names.append(pieces[place].value)
        place = _end_of_argument(pieces, place) + 1
    return names


BEHIND_DEFAULT = keywords(
    "AUTO_INCREMENT CHECK COLUMN_FORMAT COMMENT GENERATED INVISIBLE ON STORAGE VISIBLE"
)
"""What follows the default of a column where MariaDB or MySQL show it."""


class PlainWords:
    """A CREATE TABLE that has a plain word for each name, text and default.

    Patterns that know letters alone can read it, and what they find is told again.
    """

    def __init__(self, create: str, dialect: Dialect) -> None:
        """Take what the server shows.

        :param create: the statement.
        :param dialect: that of the server.
        """
        self._mark = "q"
        while self._mark in create:
            self._mark += "q"
        self._told = list[tuple[str, str]]()
        self.text = "".join(self._said([*tokens(create, dialect)]))
        """The statement, as it can be read."""

    def _said(self, pieces: Sequence[Token]) -> Iterator[str]:
        place = depth = 0
        while place < len(pieces):
            token = pieces[place]
            depth += (token.text == "(") - (token.text == ")")
            place += 1
            if token.kind in {Kind.NAME, Kind.STRING}:
                quote = token.text[-1]
                yield f"{quote}{self._word(token.text, token.value)}{quote}"
            elif token.word == "DEFAULT" and depth == 1:
                begin, place = place + 1, _end_of_default(pieces, place)
                whole = "".join(it.text for it in pieces[begin:place])
                # That there is none is a word that has to be read.
                is_none = whole == "NULL"
                yield f"DEFAULT {whole if is_none else self._word(whole, whole)}"
            else:
                yield token.text

    def _word(self, text: str, value: str) -> str:
        self._told.append((text, value))
        return f"{self._mark}{len(self._told) - 1}{self._mark}"

    def again(self, found: str) -> str:
        """Return what was read as the server has it; without quotes, what they hold.

        :param found: a part of the text that can be read.
        """
        word = re.compile(rf"([`'\"]?){self._mark}(\d+){self._mark}\1")
        return word.sub(lambda it: self._told[int(it[2])][not it[1]], found)


def _end_of_default(pieces: Sequence[Token], place: int) -> int:
    """Return the place behind the default of a column, without the space there."""
    while place < len(pieces):
        token = pieces[place]
        if token.text in {",", ")"} or token.word in BEHIND_DEFAULT:
            break
        place = _end_of_group(pieces, place) if token.text == "(" else place + 1
    while pieces[place - 1].kind is Kind.SPACE:
        place -= 1
    return place


def _item(pieces: Sequence[Token]) -> Item:
    outer, place = list[Token](), 0
    while place < len(pieces):
        end = place + 1
        if pieces[place].text == "(":
            end = _end_of_group(pieces, place)
            inside = "".join(it.text for it in pieces[place + 1 : end - 1]).strip()
            outer.append(Token(Kind.SIGN, "(", inside))
        elif pieces[place].kind is not Kind.SPACE:
            outer.append(pieces[place])
        place = end
    words = [it.word for it in outer]
    column = None if words[0] in CONSTRAINTS else outer[0].value

    def behind(word: str) -> str | None:
        place = words.index(word) if column and word in words else len(words)
        return outer[place + 1].value if place + 1 < len(words) else None

    return Item(
        column,
        outer[1].value if words[0] == "CONSTRAINT" else None,
        [it.word or it.text for it in outer[column is not None :] if it.text != "("],
        [it.value for it in outer if it.text == "("],
        [
            (_name_before(outer, place), outer[place + 1].value)
            for place, word in enumerate(words)
            if word == "CHECK"
        ],
        behind("COLLATE"),
        behind("AS"),
    )


def _name_before(outer: Sequence[Token], place: int) -> str | None:
    named = place > 1 and outer[place - 2].word == "CONSTRAINT"
    return outer[place - 1].value if named else None


# What a statement does.


class Effect(IntEnum):
    """What a statement changes, if it succeeds."""

    NOTHING = 0
    """It reads, or it is about the session or its transaction."""
    ROWS = 1
    ANYTHING = 2
    """Tables, rights, the server: all that is not known to be less."""


BEGINNINGS = keywords(
    "CREATE DECLARE DELETE EXECUTE INSERT MERGE REFRESH REPLACE SELECT TABLE UPDATE"
    " VALUES WITH"
)
"""What follows the words that explain a statement, or the parts of a WITH."""

READS = {""} | keywords(
    "CLOSE DEALLOCATE DESC DESCRIBE EXPLAIN FETCH HELP LISTEN MOVE PRAGMA PREPARE"
    " RELEASE RESET ROLLBACK SAVEPOINT SELECT SET SHOW TABLE UNLISTEN USE"
    " VALUES"
)
WRITES = keywords("COPY DELETE INSERT MERGE REPLACE UPDATE")
EFFECTS = {
    "": {**dict.fromkeys(READS, Effect.NOTHING), **dict.fromkeys(WRITES, Effect.ROWS)},
    "postgresql": {
        **dict.fromkeys(("DECLARE", "DISCARD", "LOCK"), Effect.NOTHING),
        **dict.fromkeys(("NOTIFY", "TRUNCATE"), Effect.ROWS),
    },
    "mysql": {
        **dict.fromkeys(("DO", "HANDLER", "KILL", "SIGNAL"), Effect.NOTHING),
        "LOAD": Effect.ROWS,
    },
}
"""What a verb does on all databases, and on one of them; any other does anything."""

ALONE = {
    "postgresql": (
        *("VACUUM", "CREATE DATABASE", "DROP DATABASE", "REINDEX DATABASE"),
        *("REINDEX SCHEMA", "REINDEX SYSTEM", "CREATE TABLESPACE", "DROP TABLESPACE"),
        *("ALTER SYSTEM", "CREATE SUBSCRIPTION", "DROP SUBSCRIPTION"),
    ),
    "sqlite": ("VACUUM",),
}
"""What a statement begins with that a transaction refuses."""

ROUTINES = keywords("EVENT FUNCTION PACKAGE PROCEDURE TRIGGER")
OBJECTS = ROUTINES | keywords("DATABASE INDEX ROLE SCHEMA SEQUENCE TABLE USER VIEW")

FILLERS = keywords(
    "CONCURRENTLY DELAYED EXISTS HIGH_PRIORITY IF IGNORE LOW_PRIORITY NOT ONLY OR QUICK"
    " TABLE TABLES"
)
"""Words that may stand between a verb and a table."""


class TableName(NamedTuple):
    """The name of a table in a statement."""

    schema: str | None
    name: str


class Statement:
    """One statement: what it does, and to which table."""

    def __init__(self, pieces: Sequence[Token], dialect: Dialect | None = None) -> None:
        """Take its tokens, without white space.

        :param dialect: the database that runs it.
        """
        self._pieces = pieces
        self._dialect = dialect
        self._database = _grammar(dialect).replace("ansi_quotes", "mysql")
        self._words = [it.word or it.text for it in pieces]

    @property
    def verb(self) -> str:
        """The keyword that it begins with, in upper case."""
        return next((it for it in self._words if it != "("), "")

    def begins(self, words: str) -> bool:
        """Tell whether it begins with these keywords, which are in upper case."""
        return self._words[: len(words.split())] == words.split()

    def has(self, words: str) -> bool:
        """Tell whether keywords and signs stand in it, one behind the other.

        :param words: in upper case, with a space between each: `LOCK = NONE`.
        """
        return self._place(words) is not None

    @cached_property
    def effect(self) -> Effect:
        """What it changes; when in doubt, anything."""
        if self.verb in {"ANALYZE", "DESC", "DESCRIBE", "EXPLAIN"}:
            return self._explained()
        if self.verb == "WITH":
            return max(it.effect for it in self._parts())
        if self.verb == "COPY" and self._outer("TO"):
            return self._from(1).effect if self._words[1] == "(" else Effect.NOTHING
        if self._database == "mysql" and self.begins("SET STATEMENT"):
            return self._from((self._outer("FOR") or 0) + 1).effect
        return self._own_effect()

    def _own_effect(self) -> Effect:
        known = {**EFFECTS[""], **EFFECTS.get(self._database, {})}
        if self._database == "mysql" and self.verb in {"CREATE", "DROP"}:
            temporary = "TEMPORARY" in self._words[:4]
            return Effect.ROWS if temporary else Effect.ANYTHING
        if self._is_more_than_its_verb():
            return Effect.ANYTHING
        return known.get(self.verb, Effect.ANYTHING)

    @property
    def commits_itself(self) -> bool:
        """Whether the server commits it, and what came before it, unasked."""
        return self._database == "mysql" and self.effect is Effect.ANYTHING

    @property
    def commits(self) -> bool:
        """Whether it is the statement that commits."""
        return self.verb in {"COMMIT", "END"}

    @property
    def runs_alone(self) -> bool:
        """Whether a transaction refuses it, or does not let its result be used."""
        if any(map(self.begins, ALONE.get(self._database, ()))):
            return True
        if self._database != "postgresql":
            return False
        concurrently = self.has("CONCURRENTLY") and self.verb != "REFRESH"
        adds = self.begins("ALTER TYPE") and self.has("ADD VALUE")
        moves = self.begins("ALTER DATABASE") and self.has("SET TABLESPACE")
        return concurrently or adds or moves or self._words == ["CLUSTER"]

    @property
    def may_half_fail(self) -> bool:
        """Whether it may have done a part of its work when it fails."""
        return self.verb == "DROP" and self._outer(",") is not None

    @property
    def renames_table(self) -> bool:
        """Whether it gives a table another name, by ALTER TABLE or by RENAME TABLE."""
        place = self._outer("RENAME")
        behind = self._words[place + 1 : place + 2] if place is not None else []
        return bool(behind) and not {*behind} & {"COLUMN", "CONSTRAINT", "INDEX", "KEY"}

    @property
    def prefixes(self) -> set[str]:
        """The names that stand before a dot: databases, schemas, tables and aliases."""
        pairs = pairwise(self._pieces)
        return {
            _folded(it, self._dialect)
            for it, dot in pairs
            if it.is_name and dot.text == "."
        }

    @cached_property
    def table(self) -> TableName | None:
        """The table that it is about; of several, the first."""
        return self.name_at(self._place_of_table())

    @property
    def strings(self) -> list[str]:
        """The values in quotes that stand in it, in order."""
        return [it.value for it in self._pieces if it.kind is Kind.STRING]

    def name_behind(self, words: str) -> TableName | None:
        """Return the name that stands behind keywords, with its schema."""
        place = self._place(words)
        return None if place is None else self.name_at(place + len(words.split()))

    def name_at(self, place: int | None) -> TableName | None:
        """Return the name that stands at a place, behind words that are none."""
        if place is None:
            return None
        while place < len(self._words) and self._words[place] in FILLERS:
            place += 1 + (self._words[place] == "OR")
        if place >= len(self._words) or not self._pieces[place].is_name:
            return None
        chain = self._pieces[place : _end_of_name(self._pieces, place)]
        *schemas, name = [_folded(it, self._dialect) for it in chain[::2]]
        return TableName(schemas[-1] if schemas else None, name)

    def _place_of_table(self) -> int | None:
        """Return a place before the name of the table, with no other name between."""
        kind = self.object
        if self.verb == "WITH":
            return None
        if kind in {"INDEX", "TRIGGER"}:
            place = self._outer("ON")
        elif kind or self.verb in {"ALTER", "CREATE", "DROP", "RENAME"}:
            place = self._outer("TABLE") if kind == "TABLE" else None
        elif self.verb in {"DELETE", "INSERT", "MERGE", "REPLACE"}:
            place = self._outer("FROM" if self.verb == "DELETE" else "INTO") or 0
        elif self.verb in {"COPY", "LOCK", "TRUNCATE", "UPDATE"}:
            place = 0
        else:
            place = self._outer("TABLE")
        return None if place is None else place + 1

    @property
    def object(self) -> str:
        """The kind of what it makes, changes or drops, in upper case."""
        if self.verb not in {"ALTER", "CREATE", "DROP", "RENAME"}:
            return ""
        return next((it for it in self._words if it in OBJECTS), "")

    def _is_more_than_its_verb(self) -> bool:
        """Tell what looks like a question, or a setting, and is neither."""
        if self._database == "mysql" and self.verb == "SET":
            return self.has("AUTOCOMMIT") or self.begins("SET PASSWORD")
        if self._database == "postgresql":
            makes = self.verb == "SELECT" and self._outer("INTO") is not None
            return makes or self.begins("PREPARE TRANSACTION")
        return self.verb == "PRAGMA" and self.has("=")

    def _explained(self) -> Effect:
        """Return what a statement does that is explained, or analyzed while it runs."""
        if self._database == "sqlite":
            return Effect.ANYTHING if self.verb == "ANALYZE" else Effect.NOTHING
        begins = BEGINNINGS - {"TABLE"} if self.verb == "ANALYZE" else BEGINNINGS
        places = (n for n, it in enumerate(self._words) if n and it in begins)
        place = next(places, len(self._words))
        if "ANALYZE" not in self._words[:place]:
            return Effect.NOTHING
        off = any(map(self.has, ("ANALYZE FALSE", "ANALYZE OFF", "ANALYZE 0")))
        if place == len(self._words):
            return Effect.ANYTHING if self.verb == "ANALYZE" else Effect.NOTHING
        return Effect.NOTHING if off else self._from(place).effect

    def _parts(self) -> Iterator["Statement"]:
        """Give the statements that a WITH consists of."""
        place = 1
        while place < len(self._pieces) and self._words[place] not in BEGINNINGS:
            end = place + 1
            if self._words[place] == "(":
                end = _end_of_group(self._pieces, place)
                if self._words[place - 1] in {"AS", "MATERIALIZED"}:
                    inner = self._pieces[place + 1 : end - 1]
                    yield Statement(inner, self._dialect)
            place = end
        yield self._from(place)

    def _from(self, place: int) -> "Statement":
        return Statement(self._pieces[place:], self._dialect)

    def _outer(self, word: str) -> int | None:
        """Return the place of a word that does not stand in parentheses."""
        place = 0
        while place < len(self._pieces):
            if self._words[place] == word:
                return place
            is_group = self._words[place] == "("
            place = _end_of_group(self._pieces, place) if is_group else place + 1
        return None

    def _place(self, words: str) -> int | None:
        wanted = words.split()
        width = len(wanted)
        places = range(len(self._words) - width + 1)
        return next((n for n in places if self._words[n : n + width] == wanted), None)


class Script:
    """A text of one statement or several, which a driver may be told to take."""

    def __init__(self, sql: str, dialect: Dialect | None = None) -> None:
        """Take the text.

        :param dialect: the database that runs it.
        """
        self.statements = list(_statements(significant(sql, dialect), dialect))

    @property
    def only(self) -> Statement | None:
        """The statement, if there is one and no more."""
        return self.statements[0] if len(self.statements) == 1 else None

    @property
    def effect(self) -> Effect:
        """What it changes; when in doubt, anything."""
        return max((it.effect for it in self.statements), default=Effect.NOTHING)

    @property
    def commits_itself(self) -> bool:
        """Whether the server commits a part of it unasked."""
        return any(it.commits_itself for it in self.statements)

    @property
    def commits(self) -> bool:
        """Whether it holds the statement that commits."""
        return any(it.commits for it in self.statements)

    @property
    def runs_alone(self) -> bool:
        """Whether a transaction refuses it, or does not let its result be used."""
        return any(it.runs_alone for it in self.statements)

    @property
    def may_half_fail(self) -> bool:
        """Whether it may have done a part of its work when it fails."""
        return len(self.statements) > 1 or any(
            it.may_half_fail for it in self.statements
        )


@lru_cache(maxsize=64)
def script(sql: str, dialect: Dialect | None = None) -> Script:
    """Return what a text does, read once where it is run again and again."""
    return Script(sql, dialect)


def _statements(
    pieces: Iterable[Token], dialect: Dialect | None
) -> Iterator[Statement]:
    current = list[Token]()
    for token in pieces:
        if token.text != ";":
            current.append(token)
        elif current and not _is_open(current, dialect):
            yield Statement(current, dialect)
            current = []
    if current:
        yield Statement(current, dialect)


def _is_open(pieces: Sequence[Token], dialect: Dialect | None) -> bool:
    """Tell whether a semicolon ends a statement inside another one."""
    words = [it.word for it in pieces]
    if dialect is not None and dialect.name == "postgresql":
        if "ATOMIC" not in words:
            return False
        inside = words[words.index("ATOMIC") :]
        return inside.count("END") <= inside.count("CASE")
    if words[:3] == ["BEGIN", "NOT", "ATOMIC"]:
        return True
    made = next((it for it in words if it in OBJECTS), "")
    return words[0] == "CREATE" and made in ROUTINES


def in_schema(sql: str, schema: str, dialect: Dialect) -> str:
    """Return a statement that makes something, and now makes it in a schema.

    :param sql: a CREATE whose name has no schema, as SQLite keeps it.
    """
    every, skipped = list(tokens(sql, dialect)), {*OBJECTS, "CREATE", *FILLERS}
    skipped |= {"UNIQUE", "TEMP", "TEMPORARY", "VIRTUAL"}
    names = (n for n, it in enumerate(every) if it.is_name and it.word not in skipped)
    every.insert(next(names), Token(Kind.NAME, f"{quoted(schema, dialect)}.", schema))
    return "".join(it.text for it in every)


# Writing.


def quoted(name: str, dialect: Dialect | None = None) -> str:
    """Return a name as it stands in a statement, in quotes where it needs them.

    :param name: of a column, a table, an index, a schema.
    :param dialect: the database that is to read it; None for standard SQL.
    """
    dialect = dialect or _standard()
    return undoubled(dialect.identifier_preparer.quote(name), dialect)


def rendered(name: str, dialect: Dialect) -> str:
    """Return a name that SQLAlchemy's preparer has put into quotes, without these.

    :param name: for example of `format_index`, which shortens it as the server does.
    """
    every = tokens(undoubled(name, dialect), dialect)
    return [it.value for it in every if it.is_name][-1]


def quoted_table(name: str, schema: str | None, dialect: Dialect | None = None) -> str:
    """Return the name of a table, with its schema if it has one, for a statement.

    Sequences, indexes, types and functions are named in the same way.
    """
    parts = (schema, name) if schema else (name,)
    return ".".join(quoted(part, dialect) for part in parts)


LONGEST = 63
"""PostgreSQL's limit in bytes; MariaDB's is 64 characters."""


def object_name(table: str, *columns: str, ending: str) -> str:
    """Return the name that PostgreSQL gives what nobody named.

    Source: `makeObjectName` of PostgreSQL, which shortens the longer part.

    :param table: the name of the table.
    :param columns: the names of the columns, if they are in it.
    :param ending: what it is: `seq`, `pkey`, `key`, `fkey`, `check` or `not_null`.
    """
    parts = [table.encode(), *(["_".join(columns).encode()] if columns else [])]
    room = LONGEST - len(ending.encode()) - len(parts)
    while sum(map(len, parts)) > room:
        longer = 0 if len(parts) == 1 or len(parts[0]) > len(parts[1]) else 1
        parts[longer] = parts[longer][:-1]
    return "_".join([*(it.decode(errors="ignore") for it in parts), ending])


def literal(value: Any, dialect: Dialect | None = None) -> str:
    """Return a value as it stands in a statement.

    :param dialect: the database that is to read it; None for standard SQL.
    :raises CompileError: when the value's own type writes no values.
    """
    # A name that knows its quotes is text, too.
    type_ = sa.String() if isinstance(value, str) else None
    return compiled(sa.literal(value, type_), dialect or _standard())


def body(text: str, tag: str) -> str:
    """Return the body of a function of PostgreSQL in dollar quotes.

    :param tag: a word for the quotes, which grows where the body holds them.
    """
    while f"${tag}$" in text:
        tag += "_"
    return f"${tag}${text}${tag}$"


def of_mysql(expression: str) -> str:
    """Return an expression as it is written: MySQL tells it with quotes escaped."""
    return expression.replace("\\'", "'")


def compiled(element: sa.ClauseElement, dialect: Dialect, **options: Any) -> str:
    """Return what SQLAlchemy's construct is in SQL.

    :param options: `compile_kwargs`; if there are none, the values are in it.
    """
    given = options or {"literal_binds": True}
    return statement(element, dialect, compile_kwargs=given)


def statement(element: sa.ClauseElement, dialect: Dialect, **given: Any) -> str:
    """Return a statement of SQLAlchemy, or of Alembic, as the server gets it."""
    return undoubled(str(element.compile(dialect=dialect, **given)), dialect)


BEYOND = (
    *(
        rf"(?:CREATE|DROP|ALTER) {it}\b(?! MAPPING)"
        for it in ("DATABASE", "ROLE", "USER")
    ),
    r"(?:CREATE|DROP|ALTER) TABLESPACE\b",
)
BEYOND_DATABASE = {
    "postgresql": (r"\\C(?:ONNECT)?\b", r"ALTER SYSTEM\b", *BEYOND),
    "mysql": (
        r"USE\b",
        r"(?:CREATE(?: OR REPLACE)?|DROP|ALTER) (?:DATABASE|SCHEMA|ROLE|USER)\b",
        r"(?:GRANT|REVOKE)\b",
        r"SET (?:@@)?GLOBAL\b",
    ),
}
BEYOND_DATABASE["mariadb"] = BEYOND_DATABASE["mysql"]
"""How statements begin, or a client's commands, that reach more than one database."""

FIRST_WORDS = 80
"""The bytes of a line that have the words by which a statement is known."""


@cache
def _beyond(database: str) -> re.Pattern[bytes]:
    words = "|".join(BEYOND_DATABASE[database]).replace(" ", r"\s+")
    # What stands in a comment of a version is run, too.
    return re.compile(rf"\s*(?:/\*M?!\d*\s*)?({words})".encode(), re.IGNORECASE)


def beyond_database(line: bytes, database: str) -> str:
    """Return the words by which a line of a script reaches beyond its database, if any.

    A program that writes scripts begins a statement with a line. Of millions of lines
    each is looked at, and so only its begin is.

    :param line: the line.
    :param database: SQLAlchemy's name of the database.
    """
    found = _beyond(database).match(line[:FIRST_WORDS])
    return found[1].decode() if found else ""


SETS = re.compile(rb"SET (\w+) = ")


def setting_in(line: bytes) -> str | None:
    """Return the name of what a line of a script of pg_dump's sets, if it does."""
    found = SETS.match(line)
    return found[1].decode() if found else None


GTIDS = re.compile(rb"SET @@GLOBAL\.GTID_PURGED\b", re.IGNORECASE)


def sets_gtids(line: bytes) -> bool:
    """Tell whether a line of mysqldump's script names transactions of its server."""
    return GTIDS.match(line) is not None


ROWS_FOLLOW = re.compile(rb"COPY .* FROM STDIN;\s*$", re.IGNORECASE)


def begins_rows(line: bytes) -> bool:
    """Tell whether the next lines of a script of pg_dump's are rows, and no SQL."""
    return ROWS_FOLLOW.match(line) is not None


def query_of_view(sql: str, dialect: Dialect | None = None) -> str:
    """Return what a view shows, by its CREATE VIEW or by a query that ends in a `;`."""
    pieces, depth, begin = [*tokens(sql, dialect)], 0, 0
    words = [it.word for it in pieces if it.kind is not Kind.SPACE]
    for place, token in enumerate(pieces if words[:1] == ["CREATE"] else ()):
        depth += (token.text == "(") - (token.text == ")")
        if token.word == "AS" and depth == 0:
            begin = place + 1
            break
    return "".join(it.text for it in pieces[begin:]).strip().removesuffix(";")


def words_in(path: str) -> Iterator[str]:
    """Give the strings of a Python file, whole and word by word.

    :param path: of a revision.
    """
    with suppress(OSError, SyntaxError):
        for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
                yield from (it.value for it in tokens(node.value) if it.is_name)


def text(sql: str) -> sa.TextClause:
    """Return SQL to run in which a colon and a percent sign are only that."""
    return sa.text(escaped(sql))


def escaped(sql: str) -> str:
    """Return SQL as `sa.text` has it, where what begins like a parameter is none."""
    every = "\\:" in sql  # else it would be taken for one that is escaped already
    return sql.replace(":", r"\:") if every else PARAMETER.sub(r"\\\g<0>", sql)


def executing(sql: str) -> str:
    """Return the line of a revision that executes SQL."""
    given = escaped(sql)
    plain = not {'"', "\\", "\n"} & {*given}
    return f'op.execute("{given}")' if plain else f"op.execute({given!r})"


def text_in(clause: sa.TextClause) -> str:
    """Return the SQL of a `sa.text`, as the server gets it."""
    return ESCAPED_COLON.sub(r"\1", clause.text)


PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w+(?![:\w]))")
"""A colon that `sa.text` takes for the beginning of a parameter."""

ESCAPED_COLON = re.compile(r"\\(:\w*)(?![:\w])")
"""How `sa.text` has what is no parameter."""


@cache
def _standard() -> Dialect:
    return DefaultDialect()


def undoubled(sql: str, dialect: Dialect) -> str:
    """Undo that percent signs are doubled for a driver that is given parameters."""
    doubles = "%%" in dialect.identifier_preparer.quote_identifier("%")
    return sql.replace("%%", "%") if doubles else sql
