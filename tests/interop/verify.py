"""Verifies partner proofs, from docs/protocol.md alone.

It needs no connection and no code of the gateway: SHA-256, HMAC, Unicode, Ed25519
and P-256 are all.
Steps 1 to 6 of section 10 are here; step 7, the merge, is for those who show findings.
"""

import functools
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from canonical import I64, MESSAGE, PROOF_BYTES_MAX, U32_MAX, Rejected
from canonical import checked, decode, field_of, fitted, i64, listed, message, octets, require
from canonical import set_of, text
from forms import content
from trees import fold_edition, fold_object, h, leaf_hash

DESCRIPTOR = "application/vnd.samsyn.descriptor.v1"
ENDORSEMENT = "application/vnd.samsyn.endorsement.v1"
MANIFEST = "application/vnd.samsyn.release-manifest.v1"

ED25519, P256 = 1, 2
KEY_BYTES = {ED25519: 32, P256: 65}
# The order of the group of P-256 (SEC 2, section 2.4.2).
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

GROUPS = ["identity", "place", "time", "counts", "assessment", "text", "provenance"]
KINDS = {1: "observation", 2: "series", 3: "assessment", 4: "cell", 5: "decision", 6: "analysis"}

# --- Signatures and statements: sections 7 and 8 -------------------------------------------------

PUBLIC_KEY = {1: i64(1, 2), 2: octets()}
SIGNATURE = {1: octets(32), 2: octets(64)}
ENVELOPE = {1: text(), 2: octets(), 3: set_of(message(SIGNATURE))}
REQUIRED = {1: text(), 2: text(), 3: message(PUBLIC_KEY)}
TRACK = {1: text(), 2: set_of(message(REQUIRED))}
DESCRIPTOR_FORM = {
    1: i64(1, 1), 2: text(), 3: text(), 4: i64(), 5: i64(1, 32), 6: octets(32), 7: i64(0, U32_MAX),
    8: set_of(message(TRACK)), 9: message(PUBLIC_KEY),
}
ENDORSEMENT_FORM = {
    1: i64(1, 1), 2: text(), 3: text(), 4: octets(32), 5: text(), 6: text(), 7: i64(0, U32_MAX),
    8: text(), 9: i64(), 10: i64(), 11: octets(32), 12: octets(32), 13: text(), 14: text(),
    15: i64(1, 3), 16: octets(32),
}
PICTURE = {1: text(), 2: text(), 3: i64(0)}
BASIS_FORM = {1: set_of(message(PICTURE)), 2: set_of(octets(16)), 3: i64(0)}
OPENED = {1: i64(0, U32_MAX), 2: i64(0, U32_MAX)}
MANIFEST_FORM = {
    1: text(), 2: i64(0, U32_MAX), 3: octets(32), 4: octets(32), 5: i64(0),
    6: listed(message(OPENED)),
}
OPENING = {1: i64(0, 31), 2: octets(32), 3: octets()}
OBJECT = {1: i64(0, U32_MAX), 2: listed(message(OPENING)), 3: octets(), 4: octets()}
LEAF = {1: octets(16), 2: i64(0, 31), 3: message({})}

PRIME = 2**255 - 19
D = -121665 * pow(121666, -1, PRIME) % PRIME


def point_of(data):
    """The point that 32 bytes stand for, as (x, y); none when they stand for none."""
    y = int.from_bytes(data, "little") & (2**255 - 1)
    u, v = (y * y - 1) % PRIME, (D * y * y + 1) % PRIME
    x = u * pow(v, 3, PRIME) * pow(u * pow(v, 7, PRIME), (PRIME - 5) // 8, PRIME) % PRIME
    if v * x * x % PRIME == -u % PRIME:
        x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
    if v * x * x % PRIME != u:
        return None
    return (PRIME - x if x % 2 != data[31] >> 7 else x) % PRIME, y % PRIME


@functools.lru_cache(maxsize=1024)
def has_small_order(data):
    """Whether eight times the point is the neutral one, or there is no point."""
    point = point_of(data)
    if point is None:
        return True
    x, y = point
    for _ in range(3):
        t = D * x * x * y * y % PRIME
        x, y = (
            2 * x * y * pow(1 + t, -1, PRIME) % PRIME,
            (y * y + x * x) * pow(1 - t, -1, PRIME) % PRIME,
        )
    return (x, y) == (0, 1)


def verify_p256(key, signature, signed):
    require(len(key) == 65 and key[0] == 4, "a public key of P-256 is no uncompressed point")
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    require(0 < s <= ORDER // 2, "a signature of P-256 has the upper s")
    try:
        public = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), key)
        public.verify(encode_dss_signature(r, s), signed, ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        raise Rejected("a signature is not valid") from None


def verify_strict(algorithm, key, signature, signed):
    if algorithm == P256:
        verify_p256(key, signature, signed)
        return
    require(not has_small_order(key), "a public key has small order")
    require(not has_small_order(signature[:32]), "a signature has a point of small order")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        raise Rejected("a signature is not valid") from None


def pre_authentication(payload_type, payload):
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def public_key(value):
    """An algorithm and the bytes of a key."""
    require(len(value[2]) == KEY_BYTES[value[1]], "a public key has another length")
    return value[1], value[2]


def key_id(key):
    algorithm, data = key
    return h(b"\x06", bytes([algorithm]), data)


def signed_by(envelope, payload_type, keys):
    """Checks that exactly these keys have signed; gives their number."""
    require(envelope[1] == payload_type, "the envelope has another payload type")
    signatures = {one[1]: one[2] for one in envelope[3]}
    require(len(signatures) == len(envelope[3]), "a key id stands twice")
    by_id = {key_id(key): key for key in keys}
    require(signatures.keys() == by_id.keys(), "other keys have signed than those who must")
    signed = pre_authentication(payload_type, envelope[2])
    for one, key in by_id.items():
        verify_strict(*key, signatures[one], signed)
    return len(by_id)


def descriptor_of(payload):
    """The descriptor, with its tracks as {name: {(party, role): key}}."""
    value = fitted(decode(payload), DESCRIPTOR_FORM)
    tracks, owners = {}, {}
    for track in value[8]:
        require(track[1] not in tracks, "a track stands twice")
        required = {(one[1], one[2]): public_key(one[3]) for one in track[2]}
        require(required, "a track requires nobody")
        require(len(required) == len(track[2]), "a track names an endorser twice")
        tracks[track[1]] = required
        for endorser, key in required.items():
            require(owners.setdefault(key, endorser) == endorser, "a key has several owners")
    require(tracks, "the descriptor has no track")
    release_key = public_key(value[9])
    require(release_key not in owners, "the release key endorses")
    return {**value, "tracks": tracks, "keys": set(owners), "release_key": release_key}


def endorsement_of(payload):
    value = fitted(decode(payload), ENDORSEMENT_FORM)
    require(value[9] < value[10], "the period is empty")
    return value


def manifest_of(payload):
    value = fitted(decode(payload), MANIFEST_FORM)
    slots = [one[1] for one in value[6]]
    require(all(a < b for a, b in zip(slots, slots[1:])), "slots do not ascend")
    for one in value[6]:
        groups = [one[2] >> 4 * group & 15 for group in range(8)]
        single = all(bits.bit_count() <= 1 for bits in groups)
        require(single and one[2] & 1 and not groups[7], "a mask is none")
    return value


def basis_of(data):
    value = fitted(decode(data), BASIS_FORM)
    pictures = {(one[1], one[2]) for one in value[1]}
    require(len(pictures) == len(value[1]), "an own picture stands twice")
    return value


# --- Proofs: sections 9 and 10 -------------------------------------------------------------------

@dataclass(frozen=True)
class Verified:
    """What a proof shows."""

    domain: str
    agreement: str
    edition: str
    area: str
    period: tuple
    track: str
    round: int
    content_root: bytes
    sequence: int
    endorsements: list
    objects: list
    fields_opened: int
    signatures: int


class At:
    """Names the step, and the object, at which something is refused."""

    def __init__(self, step, number=None):
        self.step, self.number = step, number

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, Rejected) and not error.step:
            raise Rejected(error.why, self.step, self.number) from None


def verify(proof, pinned):
    """Steps 1 to 6 for the bytes of a proof and the pinned descriptor digest."""
    outer = decode(proof, PROOF_BYTES_MAX)
    require(outer.keys() == {1, 2, 3, 4}, "the proof lacks a field or has another")
    with At(1):
        envelope = fitted(field_of(outer, 1, MESSAGE), ENVELOPE)
        require(envelope[1] == DESCRIPTOR, "the envelope has another payload type")
        digest = h(b"\x02", envelope[2])
        require(digest == pinned, "the descriptor is not the one that is pinned")
        descriptor = descriptor_of(envelope[2])
        signatures = signed_by(envelope, DESCRIPTOR, descriptor["keys"])
    with At(2):
        endorsements = checked(set_of(message(ENVELOPE)), *outer[2])
        subject, answers = endorsed(endorsements, descriptor, digest)
    raw = checked_objects(outer)
    objects, leaves = [], []
    for number, one in enumerate(raw, 1):
        with At(3, number):
            opened, hashes = opened_of(one)
            known = {other["id"] for other in objects}
            require(opened["id"] not in known, "another slot holds the same object")
            objects.append(opened)
            leaves.append(hashes)
    for number, (one, hashes) in enumerate(zip(raw, leaves), 1):
        with At(4, number):
            belongs(one, hashes, descriptor[5], subject[11])
    with At(4):
        slots = [one[1] for one in raw]
        require(all(a < b for a, b in zip(slots, slots[1:])), "slots do not ascend")
    with At(5):
        manifest = given(outer, raw, subject, descriptor["release_key"])
    return Verified(
        domain=subject[2], agreement=subject[3], edition=subject[6], area=subject[5],
        period=(subject[9], subject[10]), track=subject[8], round=subject[7],
        content_root=subject[11], sequence=manifest[5], endorsements=answers, objects=objects,
        fields_opened=sum(len(one[2]) for one in raw),
        signatures=signatures + len(answers) + 1,
    )


def endorsed(envelopes, descriptor, digest):
    require(envelopes, "nobody has endorsed")
    subject, answers = None, {}
    for envelope in envelopes:
        require(envelope[1] == ENDORSEMENT, "the envelope has another payload type")
        answer = endorsement_of(envelope[2])
        common = {number: answer[number] for number in range(2, 13)}
        require(subject in (None, common), "the endorsements are of different content")
        subject = common
        endorser = (answer[13], answer[14])
        require(endorser not in answers, "one who must endorse stands twice")
        answers[endorser] = (envelope, answer[15])
    require((subject[2], subject[3]) == (descriptor[2], descriptor[3]), "it is of another domain")
    require(subject[4] == digest, "the endorsements are of another descriptor")
    required = descriptor["tracks"].get(subject[8])
    require(required is not None, "the descriptor has no such track")
    require(answers.keys() == required.keys(), "others have endorsed than the track requires")
    for endorser, (envelope, verdict) in answers.items():
        signed_by(envelope, ENDORSEMENT, [required[endorser]])
        require(verdict != 3, "one who must endorse objects")
    named = sorted(answers.items())
    return subject, [(party, role, verdict) for (party, role), (_, verdict) in named]


def checked_objects(outer):
    with At(3):
        return checked(listed(message(OBJECT)), *outer[4])


def opened_of(one):
    positions = [opening[1] for opening in one[2]]
    ascending = all(a < b for a, b in zip(positions, positions[1:]))
    require(ascending, "positions do not ascend")
    require(positions[:1] == [0], "position 0 is not opened")
    owner, kind, values, hashes = None, None, {}, {}
    for opening in one[2]:
        fields = decode(opening[3])
        inner = field_of(fields, 3, MESSAGE)
        leaf = fitted({**fields, 3: (MESSAGE, {})}, LEAF)
        position = opening[1]
        require(leaf[2] == position, "the leaf is of another position")
        require(owner in (None, leaf[1]), "the leaf is of another object")
        owner = leaf[1]
        if position == 0:
            kind = field_of(inner, 1, I64)
        group = GROUPS[position // 4] if position < 28 else None
        value = content(kind, position, inner)
        if group in values:
            raise Rejected("two variants of one group are opened", 6)
        values[group] = {"variant": position % 4, "value": value}
        hashes[position] = leaf_hash(opening[2], opening[3])
    return {"id": owner, "slot": one[1], "kind": KINDS[kind], "groups": values}, hashes


def belongs(one, hashes, depth, content_root):
    require(one[1] < 2**depth, "its slot lies outside the tree")
    siblings, path = digests(one[3]), digests(one[4])
    require(len(path) == depth, "a sibling on its path is missing or left over")
    root = fold_edition(fold_object(hashes, siblings), one[1], path)
    require(root == content_root, "it does not belong to the content that was endorsed")


def given(outer, raw, subject, release_key):
    envelope = fitted(field_of(outer, 3, MESSAGE), ENVELOPE)
    signed_by(envelope, MANIFEST, [release_key])
    manifest = manifest_of(envelope[2])
    of = (manifest[1], manifest[2], manifest[3])
    require(of == (subject[6], subject[7], subject[11]), "it is of another edition or round")
    masks = [(one[1], sum(1 << opening[1] for opening in one[2])) for one in raw]
    named = [(one[1], one[2]) for one in manifest[6]]
    require(masks == named, "what is opened is not what the gateway signed")
    return manifest


def digests(row):
    require(len(row) % 32 == 0, "siblings are no row of digests")
    return [row[at : at + 32] for at in range(0, len(row), 32)]
