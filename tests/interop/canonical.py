"""Canonical bytes, strictly: section 2 of docs/protocol.md."""

import unicodedata
from dataclasses import dataclass

BYTES_MAX = 1_048_576
PROOF_BYTES_MAX = 67_108_864
DEPTH_MAX = 8
U32_MAX = 2**32 - 1

I64, BYTES, TEXT, LIST, MESSAGE, BOOL = 2, 3, 4, 5, 6, 7


class Rejected(Exception):
    """The proof is refused as a whole; the message is one sentence."""

    def __init__(self, why, step=0, number=None):
        at = f", object {number}" if number else ""
        super().__init__(f"refused in step {step}{at}: {why}" if step else why)
        self.why, self.step, self.number = why, step, number


def require(holds, why):
    if not holds:
        raise Rejected(why)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        taken = self.data[self.at : self.at + length]
        require(len(taken) == length, "the bytes end inside a value")
        self.at += length
        return taken

    def u32(self):
        return int.from_bytes(self.take(4), "big")

    def value(self, kind, depth):
        if kind == I64:
            return int.from_bytes(self.take(8), "big", signed=True)
        if kind == BYTES:
            return self.take(self.u32())
        if kind == TEXT:
            return text_of(self.take(self.u32()))
        if kind == LIST:
            return self.list(depth + 1)
        if kind == MESSAGE:
            return message_of(self.take(self.u32()), depth + 1)
        if kind == BOOL:
            flag = self.take(1)[0]
            require(flag in (0, 1), "a bool is neither 0 nor 1")
            return flag == 1
        raise Rejected("a type is not one of 2 to 7")

    def list(self, depth):
        require(depth <= DEPTH_MAX, "lists and messages lie more than 8 deep")
        items = List()
        for _ in range(self.u32()):
            start = self.at
            kind = self.take(1)[0]
            items.append((kind, self.value(kind, depth)))
            items.encoded.append(self.data[start : self.at])
        return items


class List(list):
    """Items as (type, value), with their encoded bytes."""

    def __init__(self):
        super().__init__()
        self.encoded = []


def text_of(data):
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Rejected("a text is not utf-8") from None
    require(unicodedata.is_normalized("NFC", text), "a text is not in normal form C")
    return text


def message_of(data, depth=1):
    """A message as {number: (type, value)}."""
    require(depth <= DEPTH_MAX, "lists and messages lie more than 8 deep")
    reader, fields, last = Reader(data), {}, -1
    while reader.at < len(data):
        number = int.from_bytes(reader.take(2), "big")
        require(number > last, "a field number is not greater than the one before")
        last = number
        kind = reader.take(1)[0]
        fields[number] = (kind, reader.value(kind, depth))
    return fields


def decode(data, bytes_max=BYTES_MAX):
    require(len(data) <= bytes_max, "there are more bytes than the protocol allows")
    return message_of(data)


@dataclass(frozen=True)
class Field:
    """What a field of a message must be."""

    kind: int
    optional: bool = False
    low: int = -(2**63)
    high: int = 2**63 - 1
    length: int | None = None
    item: object = None
    is_set: bool = False
    form: dict | None = None


def i64(low=-(2**63), high=2**63 - 1, optional=False):
    return Field(I64, optional, low, high)


def octets(length=None):
    return Field(BYTES, length=length)


def text(optional=False):
    return Field(TEXT, optional)


def flag():
    return Field(BOOL)


def message(form):
    return Field(MESSAGE, form=form)


def listed(item):
    return Field(LIST, item=item)


def set_of(item):
    return Field(LIST, item=item, is_set=True)


def optional(field):
    return Field(**{**field.__dict__, "optional": True})


def checked(field, kind, value):
    require(kind == field.kind, "a value has another type than it should")
    if kind == I64:
        require(field.low <= value <= field.high, "a number is outside its range")
    if kind == BYTES and field.length is not None:
        require(len(value) == field.length, "bytes have another length than they should")
    if kind == MESSAGE:
        return fitted(value, field.form)
    if kind == LIST:
        if field.is_set:
            pairs = zip(value.encoded, value.encoded[1:])
            require(all(a < b for a, b in pairs), "a set is not in order")
        return [checked(field.item, *item) for item in value]
    return value


def fitted(fields, form):
    """The plain values of a message, when it has exactly this form."""
    require(fields.keys() <= form.keys(), "a field does not belong where it stands")
    values = {}
    for number, field in form.items():
        if number in fields:
            values[number] = checked(field, *fields[number])
        else:
            require(field.optional, f"field {number} is missing")
    return values


def field_of(fields, number, kind):
    require(fields.get(number, (None,))[0] == kind, f"field {number} is missing or of another type")
    return fields[number][1]
