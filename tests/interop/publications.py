"""Publication manifests, from docs/protocol.md alone: what a party signs of what it publishes."""

import unicodedata

from trees import h, lp, m

PUBLICATION = "application/vnd.samsyn.publication-manifest.v1"

# What the publishing system calls a field, and its number and how it is written.
OBSERVATION = {
    1: "id", 2: "category", 3: "place", 4: "sub_area", 5: "area", 6: "lat_e7", 7: "lon_e7",
    8: "starts", 9: "ends", 10: "count", 11: "severity", 12: "trend", 13: "basis",
    14: "source_kind", 15: "reliability", 16: "credibility", 17: "note", 18: "labels", 19: "form",
}
LABELS = {
    1: "level", 2: "audience", 3: "purposes", 4: "regime", 5: "secrecy_provisions",
    6: "retain_until", 7: "person_related", 8: "special_category", 9: "originator_control",
    10: "embargo_until", 11: "onward_sharing",
}


def value_of(value):
    """Type and value of a field, as section 2 has them."""
    match value:
        case bool():
            return b"\x07" + bytes([value])
        case int():
            return b"\x02" + value.to_bytes(8, "big", signed=True)
        case bytes():
            return b"\x03" + lp(value)
        case str():
            return b"\x04" + lp(unicodedata.normalize("NFC", value).encode())
        case list():
            items = sorted({value_of(one) for one in value})
            return b"\x05" + len(items).to_bytes(4, "big") + b"".join(items)
        case dict():
            return b"\x06" + lp(message(value))
    raise TypeError(f"a field cannot be a {type(value).__name__}")


def message(fields):
    return b"".join(
        number.to_bytes(2, "big") + value_of(value)
        for number, value in sorted(fields.items())
        if value is not None
    )


def entry(salt, observation):
    labels = {number: observation["labels"][name] for number, name in LABELS.items()}
    fields = {number: observation[name] for number, name in OBSERVATION.items() if number != 18}
    committed = m(salt, b"observation", message({**fields, 18: labels}))
    return observation["id"], message({1: observation["id"], 2: committed})


def root(salt, observations, withdrawn):
    entries = [entry(salt, one) for one in observations]
    entries += [(one, message({1: one})) for one in withdrawn]
    level = [h(b"\x0a", data) for _, data in sorted(entries, key=lambda one: one[0].encode())]
    while len(level) > 1:
        pairs = [level[i:i + 2] for i in range(0, len(level), 2)]
        level = [h(b"\x0b", *pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0] if level else h(b"\x0a")


def payload(publication):
    salt, reason = bytes.fromhex(publication["salt"]), publication["reason"]
    observations, withdrawn = publication["observations"], publication["withdrawn"]
    return message({
        1: 1, 2: publication["domain"], 3: publication["party"], 4: publication["area"],
        5: publication["base_version"], 6: publication["covers"],
        7: len(observations) + len(withdrawn), 8: root(salt, observations, withdrawn),
        9: m(salt, b"reason", reason.encode()) if reason else None,
    })


def digest(data):
    return h(b"\x09", data)
