"""What each position of an object holds: section 12 of docs/protocol.md."""

from canonical import fitted, flag, i64, message, octets, optional, require, set_of, text

PARAMETER = {1: text(), 2: i64()}
TREATMENT = {1: text(), 2: text(), 3: set_of(message(PARAMETER)), 4: i64(0, optional=True)}
LABELS = {
    1: i64(0, 3), 2: set_of(text()), 3: set_of(text()), 4: text(), 5: set_of(text()),
    6: i64(optional=True), 7: flag(), 8: flag(), 9: flag(), 10: i64(optional=True), 11: flag(),
}
ABSENT = {}
CONTRIBUTION = {
    1: i64(1, 6), 2: text(), 3: i64(1, 5), 4: text(), 5: text(), 6: i64(1, 3), 7: text(),
    8: message(LABELS), 9: i64(1, 3),
}
REGISTERED_PLACE = {1: text(optional=True), 2: text(optional=True), 3: text()}
PLACE = {
    **REGISTERED_PLACE,
    4: i64(-900_000_000, 900_000_000, optional=True),
    5: i64(-1_800_000_000, 1_800_000_000, optional=True),
}
SUB_AREA = {2: text(optional=True), 3: text(), 15: message(TREATMENT)}
DISTRICT = {3: text(), 15: message(TREATMENT)}
TIME = {1: i64(), 2: i64()}
COUNTS = {1: i64(0, optional=True), 2: text(optional=True)}
BAND = {2: text(optional=True), 3: i64(0), 4: i64(0), 15: message(TREATMENT)}
PERTURBED = {1: i64(0), 2: text(optional=True), 15: message(TREATMENT)}
ASSESSED = {
    1: i64(1, 5, True), 2: i64(1, 3, True), 3: i64(1, 3, True), 4: i64(1, 6, True),
    5: i64(1, 6, True),
}
ASSESSMENT = {**ASSESSED, 3: i64(2, 2)}
NOTE = {1: text()}
PROVENANCE = {1: text(), 2: optional(octets(32))}
DECISION = {
    1: i64(1, 6), 2: text(), 7: text(), 8: message(LABELS), 9: i64(1, 3), 10: text(), 11: text(),
}
DECIDED = {
    6: text(), 7: i64(0, 5, True), 8: set_of(octets(16)), 9: set_of(text()), 10: flag(),
}
ANALYSIS = {1: i64(1, 6), 7: text(), 8: message(LABELS), 10: text()}

# By kind and position: the form, and whether the value may be absent.
FORMS = {
    1: {
        0: (CONTRIBUTION, False), 4: (PLACE, False), 5: (SUB_AREA, False), 6: (DISTRICT, False),
        8: (TIME, False), 12: (COUNTS, True), 13: (BAND, True), 14: (PERTURBED, True),
        16: (ASSESSED, True), 20: (NOTE, True), 24: (PROVENANCE, True),
    },
    2: {
        0: (CONTRIBUTION, False), 4: (REGISTERED_PLACE, False), 5: (SUB_AREA, False),
        6: (DISTRICT, False), 8: (TIME, False), 12: (COUNTS, True), 13: (BAND, True),
        14: (PERTURBED, True), 16: (ABSENT, True), 20: (NOTE, True), 24: (PROVENANCE, True),
    },
    3: {
        0: (CONTRIBUTION, False), 4: (REGISTERED_PLACE, False), 5: (SUB_AREA, False),
        6: (DISTRICT, False), 8: (TIME, False), 12: (ABSENT, True), 16: (ASSESSMENT, False),
        20: (NOTE, True), 24: (PROVENANCE, True),
    },
    4: {
        0: (CONTRIBUTION, False), 4: (REGISTERED_PLACE, False), 5: (SUB_AREA, False),
        6: (DISTRICT, False), 8: (TIME, False), 12: (COUNTS, True), 13: (BAND, True),
        14: (PERTURBED, True), 16: (ABSENT, True), 20: (ABSENT, True), 24: (PROVENANCE, True),
    },
    5: {
        0: (DECISION, False), 4: (ABSENT, True), 8: (ABSENT, True), 12: (ABSENT, True),
        16: (DECIDED, False), 20: (NOTE, True), 24: (ABSENT, True),
    },
    6: {
        0: (ANALYSIS, False), 4: (ABSENT, True), 8: (ABSENT, True), 12: (ABSENT, True),
        16: (ABSENT, True), 20: (NOTE, True), 24: (ABSENT, True),
    },
}


def content(kind, position, fields):
    """The value of a position; none when it is absent."""
    require(kind in FORMS and position in FORMS[kind], "the position has no form")
    form, may_be_absent = FORMS[kind][position]
    if not fields and may_be_absent:
        return None
    value = fitted(fields, form)
    if form in (PLACE, REGISTERED_PLACE):
        finer = any(number in value for number in (1, 4, 5))
        require(2 in value or not finer, "a place needs its sub-area")
        require((4 in value) == (5 in value), "a latitude needs its longitude")
    if form is BAND:
        require(value[3] < value[4], "a band is empty")
    if form is DECIDED and 7 in value:
        require(not value[10], "a dissent has no outcome")
        outcomes = {"severity": 5, "trend": 3}.get(value[6], -1)
        require(value[7] <= outcomes, "the field does not have this outcome")
    if form is DECIDED and value[10]:
        require(len(value[9]) == 1, "a dissent is one party's")
    return value
