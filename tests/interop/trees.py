"""Hashes and trees: sections 1 and 3 to 6 of docs/protocol.md."""

import hashlib
import hmac
import struct
import unicodedata

from canonical import require


def h(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def m(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def lp(data):
    return struct.pack(">I", len(data)) + data


def object_id(reference_key, kind, owner, area, external_id):
    texts = [lp(unicodedata.normalize("NFC", t).encode()) for t in (owner, area, external_id)]
    return m(reference_key, bytes([kind]), *texts)[:16]


def leaf_hash(salt, canonical):
    return h(b"\x00", salt, canonical)


def node(left, right):
    return h(b"\x01", left, right)


def fold_object(leaves, siblings):
    """The object's root, from {position: leaf hash} and the siblings in their order."""
    known, siblings = sorted(leaves.items()), list(siblings)
    for _ in range(5):
        above, at = [], 0
        while at < len(known):
            index, digest = known[at]
            if index % 2 == 0 and at + 1 < len(known) and known[at + 1][0] == index + 1:
                parent = node(digest, known[at + 1][1])
                at += 1
            else:
                require(siblings, "a sibling of its leaves is missing")
                other = siblings.pop(0)
                parent = node(other, digest) if index % 2 else node(digest, other)
            above.append((index // 2, parent))
            at += 1
        known = above
    require(not siblings, "a sibling of its leaves is left over")
    return known[0][1]


def fold_edition(root, slot, siblings):
    for sibling in siblings:
        root = node(sibling, root) if slot % 2 else node(root, sibling)
        slot //= 2
    return root


def object_root(round_salt, of, leaves):
    dummy = {p: m(round_salt, b"dummy", of, bytes([p])) for p in range(32)}
    return fold_object({**dummy, **leaves}, [])


def edition_tree(round_salt, depth, roots):
    """The content root and {object: slot}, from {object: object root}."""
    require(len(roots) <= 2 ** (depth - 1), "there are more objects than the tree takes")
    slots = {}
    for one in sorted(roots):
        attempt = 0
        while True:
            tried = m(round_salt, b"slot", one, struct.pack(">I", attempt))
            slot = int.from_bytes(tried, "big") >> (256 - depth)
            if slot not in slots.values():
                break
            attempt += 1
        slots[one] = slot

    def empty(level, index):
        return m(round_salt, b"empty", bytes([level]), struct.pack(">I", index))

    known = {slots[one]: root for one, root in roots.items()}
    for level in range(depth):
        parents = sorted({index // 2 for index in known})
        known = {
            i: node(*(known.get(c) or empty(level, c) for c in (2 * i, 2 * i + 1)))
            for i in parents
        }
    return known.get(0) or empty(depth, 0), slots
