"""The test vectors of docs/protocol.md, and proofs that have been changed."""

import json
import pathlib
import unittest

import canonical as c
import forms
import publications
import trees
import verify as v
from canonical import Rejected

ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = json.loads((ROOT / "tests/vectors/commitments.json").read_text(encoding="utf-8"))
MANIFESTS = json.loads((ROOT / "tests/vectors/publications.json").read_text(encoding="utf-8"))


def octets(text):
    return bytes.fromhex(text)


def key_of(vector):
    return vector["algorithm"], octets(vector["public_key"])


def number_of(name):
    return {"i64": c.I64, "bytes": c.BYTES, "text": c.TEXT, "list": c.LIST, "message": c.MESSAGE,
            "bool": c.BOOL}[name]


def plain(value):
    """A value of the vectors as the decoder gives it: (type, value)."""
    ((name, inner),) = value.items()
    if name == "i64":
        inner = int(inner)
    elif name == "bytes":
        inner = octets(inner)
    elif name == "list":
        inner = [plain(item) for item in inner]
    elif name == "message":
        inner = message_of(inner)
    return number_of(name), inner


def message_of(pairs):
    return {number: plain(value) for number, value in pairs}


class Vectors(unittest.TestCase):
    def test_canonical_messages(self):
        for vector in VECTORS["canonical"]:
            with self.subTest(vector["name"]):
                self.assertEqual(c.decode(octets(vector["encoded"])), message_of(vector["fields"]))

    def test_what_is_not_canonical_is_refused(self):
        for vector in VECTORS["refused"]:
            with self.subTest(vector["name"]), self.assertRaises(Rejected):
                c.decode(octets(vector["encoded"]))

    def test_object_ids(self):
        for one in VECTORS["object_ids"]:
            key = octets(one["reference_key"])
            made = trees.object_id(key, one["kind"], one["owner"], one["area"], one["external_id"])
            self.assertEqual(made.hex(), one["object"])

    def test_keyed_hashes(self):
        keyed = VECTORS["keyed"]
        salt, unit = octets(keyed["round_salt"]), octets(keyed["unit_key"])
        for one in keyed["positions"]:
            of, position = octets(one["object"]), bytes([one["position"]])
            self.assertEqual(trees.m(salt, b"salt", of, position).hex(), one["clear_salt"])
            self.assertEqual(trees.m(unit, b"salt", salt, of, position).hex(), one["sealed_salt"])
            self.assertEqual(trees.m(salt, b"dummy", of, position).hex(), one["dummy"])
        for one in keyed["empties"]:
            at = bytes([one["level"]]) + one["index"].to_bytes(4, "big")
            self.assertEqual(trees.m(salt, b"empty", at).hex(), one["digest"])
        node = keyed["node"]
        made = trees.node(octets(node["left"]), octets(node["right"]))
        self.assertEqual(made.hex(), node["node"])

    def test_every_position_with_a_form(self):
        for one in VECTORS["contents"]:
            with self.subTest(kind=one["kind"], position=one["position"]):
                fields = c.decode(octets(one["encoded"]))
                value = forms.content(one["kind"], one["position"], fields)
                self.assertEqual(value is None, not one["fields"])
                with self.assertRaises(Rejected):
                    forms.content(one["kind"], one["position"], {**fields, 99: (c.BOOL, True)})

    def test_objects(self):
        salt = octets(VECTORS["trees"]["round_salt"])
        for one in VECTORS["objects"]:
            leaves = {}
            for leaf in one["leaves"]:
                made = trees.leaf_hash(octets(leaf["salt"]), octets(leaf["canonical"]))
                self.assertEqual(made.hex(), leaf["hash"])
                leaves[leaf["position"]] = made
            root = trees.object_root(salt, octets(one["object"]), leaves)
            self.assertEqual(root.hex(), one["root"])

    def test_edition_trees(self):
        salt = octets(VECTORS["trees"]["round_salt"])
        for sample in VECTORS["trees"]["samples"]:
            roots = {octets(one["object"]): octets(one["root"]) for one in sample["objects"]}
            root, slots = trees.edition_tree(salt, sample["depth"], roots)
            self.assertEqual(root.hex(), sample["content_root"])
            for one in sample["objects"]:
                self.assertEqual(slots[octets(one["object"])], one["slot"])
                path = [octets(sibling) for sibling in one["siblings"]]
                self.assertEqual(trees.fold_edition(octets(one["root"]), one["slot"], path), root)

    def test_statements(self):
        statements = VECTORS["statements"]
        for key in statements["keys"]:
            self.assertEqual(v.key_id(key_of(key)).hex(), key["key_id"])
        basis = statements["basis"]
        canonical = octets(basis["canonical"])
        v.basis_of(canonical)
        made = trees.h(b"\x04", octets(basis["salt"]), canonical)
        self.assertEqual(made.hex(), basis["commitment"])
        for one in statements["reservations"]:
            made = trees.h(b"\x05", octets(one["salt"]), one["text"].encode())
            self.assertEqual(made.hex(), one["commitment"])
        descriptor, manifest = statements["descriptor"], statements["release_manifest"]
        payload = octets(descriptor["envelope"]["payload"])
        self.assertEqual(trees.h(b"\x02", payload).hex(), descriptor["digest"])
        keys = v.descriptor_of(payload)["keys"]
        self.check_envelope(descriptor["envelope"], keys)
        for one in statements["endorsements"]:
            v.endorsement_of(octets(one["payload"]))
            self.check_envelope(one, keys)
        payload = octets(manifest["envelope"]["payload"])
        v.manifest_of(payload)
        self.assertEqual(trees.h(b"\x03", payload).hex(), manifest["digest"])
        release = v.descriptor_of(octets(descriptor["envelope"]["payload"]))["release_key"]
        self.check_envelope(manifest["envelope"], [release])

    def check_envelope(self, vector, keys):
        envelope = c.fitted(c.decode(octets(vector["encoded"])), v.ENVELOPE)
        self.assertEqual(envelope[2].hex(), vector["payload"])
        signed = v.pre_authentication(vector["payload_type"], envelope[2])
        self.assertEqual(signed.hex(), vector["pre_authentication"])
        signers = [one[1] for one in envelope[3]]
        used = [key for key in keys if v.key_id(key) in signers]
        self.assertEqual(v.signed_by(envelope, vector["payload_type"], used), len(signers))

    def test_points_of_small_order_are_refused(self):
        neutral, y_zero = (1).to_bytes(32, "little"), bytes(32)
        minus_one = (v.PRIME - 1).to_bytes(32, "little")
        neutral_again = (v.PRIME + 1).to_bytes(32, "little")
        for point in (neutral, y_zero, minus_one, neutral_again):
            self.assertTrue(v.has_small_order(point))
        for key in VECTORS["statements"]["keys"]:
            self.assertFalse(v.has_small_order(octets(key["public_key"])))


class Publications(unittest.TestCase):
    def test_what_a_party_signs(self):
        for one in MANIFESTS["publications"]:
            payload = publications.payload(one)
            self.assertEqual(payload.hex(), one["payload"])
            self.assertEqual(publications.digest(payload).hex(), one["digest"])
            signed = v.pre_authentication(publications.PUBLICATION, payload)
            for signature in one["signatures"]:
                key, made = key_of(signature), octets(signature["signature"])
                self.assertEqual(v.key_id(key).hex(), signature["key_id"])
                v.verify_strict(*key, made, signed)
                with self.assertRaises(Rejected):
                    v.verify_strict(*key, made, signed + b"x")

    def test_the_upper_s_of_p256_is_refused(self):
        one = MANIFESTS["publications"][0]
        signature = one["signatures"][1]
        made = octets(signature["signature"])
        upper = v.ORDER - int.from_bytes(made[32:], "big")
        signed = v.pre_authentication(publications.PUBLICATION, octets(one["payload"]))
        with self.assertRaises(Rejected):
            v.verify_strict(*key_of(signature), made[:32] + upper.to_bytes(32, "big"), signed)


class Proofs(unittest.TestCase):
    proof = octets(VECTORS["proof"]["encoded"])
    pinned = octets(VECTORS["proof"]["pinned_descriptor_digest"])

    def step_of(self, proof, pinned=None):
        with self.assertRaises(Rejected) as caught:
            v.verify(proof, pinned or self.pinned)
        return caught.exception.step

    def test_the_sample_proof_holds(self):
        verified = v.verify(self.proof, self.pinned)
        expected = VECTORS["proof"]
        self.assertEqual(verified.content_root.hex(), expected["content_root"])
        slots = [one["slot"] for one in expected["opened"]]
        self.assertEqual([one["slot"] for one in verified.objects], slots)
        masks = sum(one["mask"].bit_count() for one in expected["opened"])
        self.assertEqual((verified.fields_opened, verified.signatures), (masks, 5))

    def test_no_proof_with_a_changed_byte_is_accepted(self):
        for at in range(len(self.proof)):
            changed = bytearray(self.proof)
            changed[at] ^= 1 << at % 8
            with self.subTest(at), self.assertRaises(Rejected):
                v.verify(bytes(changed), self.pinned)

    def test_no_proof_that_is_cut_short_or_drawn_out_is_accepted(self):
        for length in range(0, len(self.proof), 61):
            with self.subTest(length), self.assertRaises(Rejected):
                v.verify(self.proof[:length], self.pinned)
        with self.assertRaises(Rejected):
            v.verify(self.proof + b"\x00", self.pinned)

    def test_another_pinned_digest_is_refused_in_step_1(self):
        self.assertEqual(self.step_of(self.proof, bytes(32)), 1)

    def test_swapped_slots_are_refused_in_step_4(self):
        first, second = (one["slot"] for one in VECTORS["proof"]["opened"][:2])
        fields = c.decode(self.proof, c.PROOF_BYTES_MAX)
        encoded = fields[4][1].encoded[:2]
        swapped = self.proof
        for slot, other, item in ((first, second, encoded[0]), (second, first, encoded[1])):
            field = b"\x00\x01\x02"
            changed = item.replace(
                field + slot.to_bytes(8, "big"), field + other.to_bytes(8, "big"), 1
            )
            self.assertNotEqual(changed, item)
            swapped = swapped.replace(item, changed, 1)
        self.assertEqual(self.step_of(swapped), 4)


if __name__ == "__main__":
    unittest.main()
