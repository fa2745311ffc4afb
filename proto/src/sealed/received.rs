//! Joint pictures that another domain delivers, in the bytes in which they came.

use prost::Message as _;
use samsyn_policy::{ReceivedView, View};

use super::{Encoded, Paged};
use crate::v1;

impl Encoded<v1::GetJointPictureResponse> {
    /// One page of a joint picture as it came; `token` names the row that the next one begins with,
    /// `cursor` from where stream and polling go on.
    pub fn received(
        view: &View<ReceivedView>,
        paged: Paged,
        cursor: String,
        token: impl FnOnce(usize) -> String,
    ) -> Self {
        let view = view.content();
        let rows = paged.rows(&view.findings);
        let head = v1::GetJointPictureResponse { revision: view.revision, ..Default::default() };
        let next_page_token = paged.next(&view.findings, token);
        let tail = v1::GetJointPictureResponse { next_page_token, cursor, ..Default::default() };
        let (head, tail) = (head.encode_to_vec(), tail.encode_to_vec());
        let fields: Vec<Vec<u8>> = rows.iter().map(|finding| as_finding(finding)).collect();
        let parts = fields.iter().map(Vec::as_slice);
        let parts = std::iter::once(&*head).chain(parts).chain(std::iter::once(&*tail));
        Self::joined(parts).with_rows(rows.len())
    }
}

/// The bytes of a finding as the field of a response that has nothing else: its number and the
/// wire type of what has a length, the length, the bytes.
fn as_finding(finding: &[u8]) -> Vec<u8> {
    const FINDINGS: u8 = 2 << 3 | 2;
    let mut field = vec![FINDINGS];
    prost::encoding::encode_varint(finding.len() as u64, &mut field);
    field.extend_from_slice(finding);
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_stands_in_a_response_as_it_would_be_encoded_there() {
        let finding = v1::Finding { id: "a/b".repeat(70), ..Default::default() };
        let alone =
            v1::GetJointPictureResponse { findings: vec![finding.clone()], ..Default::default() };
        assert_eq!(as_finding(&finding.encode_to_vec()), alone.encode_to_vec());
    }
}
