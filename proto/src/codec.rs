//! The codec of the server: as prost decodes, but a request with a field that must be understood
//! and is not is refused.

use std::{collections::BTreeMap, fmt, marker::PhantomData, ops::RangeInclusive, sync::LazyLock};

use bytes::{Buf, Bytes};
use prost::{
    Message, Name,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};
use prost_types::{DescriptorProto, FileDescriptorSet};
use tonic::{
    Status,
    codec::{DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstEncoder};

/// Fields with these numbers change what a message means: who does not know one must not act on
/// the rest. All others may be skipped.
pub const CRITICAL: RangeInclusive<u32> = 1000..=1999;

/// What each message has, by its full name; none when the descriptors do not decode, and then
/// nothing is taken.
static SCHEMA: LazyLock<Option<Schema>> = LazyLock::new(|| Schema::of(crate::DESCRIPTORS));

/// The codec of the generated services.
pub struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> fmt::Debug for Codec<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("codec")
    }
}

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Name + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = Strict<U>;

    fn encoder(&mut self) -> ProstEncoder<T> {
        ProstCodec::<T, U>::default().encoder()
    }

    fn decoder(&mut self) -> Strict<U> {
        Strict(PhantomData)
    }
}

/// Decodes requests.
pub struct Strict<U>(PhantomData<U>);

impl<U> fmt::Debug for Strict<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("decoder")
    }
}

impl<U: Message + Default + Name> Decoder for Strict<U> {
    type Item = U;
    type Error = Status;

    // The edge gives each of these codes its reason; neither carries a text of its own.
    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let bytes = buf.copy_to_bytes(buf.remaining());
        let message = U::decode(bytes.clone()).map_err(|_| Status::internal(""))?;
        let schema = SCHEMA.as_ref().ok_or_else(|| Status::unknown(""))?;
        if schema.leaves_out(&U::full_name(), &bytes) {
            return Err(Status::failed_precondition(""));
        }
        Ok(Some(message))
    }
}

/// A message, where it can be read and every field of it that must be understood is known.
pub(crate) fn strictly<U: Message + Default + Name>(bytes: &Bytes) -> Option<U> {
    let message = U::decode(bytes.clone()).ok()?;
    let schema = SCHEMA.as_ref()?;
    (!schema.leaves_out(&U::full_name(), bytes)).then_some(message)
}

/// The fields of one message by number: of a message, which one.
type Fields = BTreeMap<u32, Option<usize>>;

/// All messages of the interface.
#[derive(Debug)]
struct Schema {
    names: BTreeMap<String, usize>,
    fields: Vec<Fields>,
}

impl Schema {
    fn of(descriptors: &[u8]) -> Option<Self> {
        let set = FileDescriptorSet::decode(descriptors).ok()?;
        let mut messages = Vec::new();
        for file in &set.file {
            for message in &file.message_type {
                collect(file.package(), message, &mut messages);
            }
        }
        let names: BTreeMap<String, usize> =
            messages.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect();
        let fields = messages.iter().map(|(_, message)| {
            let field = message.field.iter().filter_map(|field| {
                let inner = names.get(field.type_name().trim_start_matches('.')).copied();
                Some((u32::try_from(field.number()).ok()?, inner))
            });
            field.collect()
        });
        let fields = fields.collect();
        Some(Self { names, fields })
    }

    /// Whether an encoded message has a critical field that this schema does not know. Of an
    /// unknown message, whether it has any.
    fn leaves_out(&self, name: &str, bytes: &Bytes) -> bool {
        self.of_message(self.names.get(name).copied(), bytes)
    }

    // INVARIANT: prost has decoded these bytes, so it is no deeper than prost allows. What does
    // not parse is prost's to refuse.
    fn of_message(&self, message: Option<usize>, mut bytes: &[u8]) -> bool {
        let none = Fields::new();
        let fields = message.and_then(|at| self.fields.get(at)).unwrap_or(&none);
        while bytes.has_remaining() {
            let Ok((number, wire)) = decode_key(&mut bytes) else { return false };
            match (fields.get(&number), wire) {
                (None, _) if CRITICAL.contains(&number) => return true,
                (Some(Some(inner)), WireType::LengthDelimited) => {
                    let Some(part) = delimited(&mut bytes) else { return false };
                    if self.of_message(Some(*inner), part) {
                        return true;
                    }
                }
                (None | Some(None | Some(_)), _) => {
                    let context = DecodeContext::default();
                    if skip_field(wire, number, &mut bytes, context).is_err() {
                        return false;
                    }
                }
            }
        }
        false
    }
}

fn delimited<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(decode_varint(bytes).ok()?).ok()?;
    let (part, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(part)
}

fn collect<'a>(
    scope: &str,
    message: &'a DescriptorProto,
    all: &mut Vec<(String, &'a DescriptorProto)>,
) {
    let name = format!("{scope}.{}", message.name());
    message.nested_type.iter().for_each(|inner| collect(&name, inner, all));
    all.push((name, message));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{Observation, PictureDelta, PublishPictureRequest, publish_picture_request};

    fn publication() -> PublishPictureRequest {
        let delta =
            PictureDelta { upserts: vec![Observation::default()], ..PictureDelta::default() };
        PublishPictureRequest {
            party: "sdf".to_owned(),
            change: Some(publish_picture_request::Change::Delta(delta)),
            ..PublishPictureRequest::default()
        }
    }

    /// The bytes of a publication with a number in a field of it, of its delta and of its
    /// observation.
    fn with_field(number: u32) -> [Bytes; 3] {
        let mut field = Vec::new();
        prost::encoding::uint32::encode(number, &1, &mut field);
        let wrap = |tag: u32, inner: &[u8]| {
            let mut bytes = Vec::new();
            prost::encoding::bytes::encode(tag, &inner.to_vec(), &mut bytes);
            bytes
        };
        let upsert = wrap(1, &field);
        let delta = PublishPictureRequest::default();
        assert!(delta.encode_to_vec().is_empty());
        let tag = tag_of("delta");
        [field.clone(), wrap(tag, &field), wrap(tag, &upsert)].map(|more| {
            let mut bytes = publication().encode_to_vec();
            bytes.extend(more);
            bytes.into()
        })
    }

    fn tag_of(field: &str) -> u32 {
        let set = FileDescriptorSet::decode(crate::DESCRIPTORS).unwrap();
        let mut messages = set.file.iter().flat_map(|file| &file.message_type);
        let message = messages.find(|m| m.name() == "PublishPictureRequest").unwrap();
        let field = message.field.iter().find(|f| f.name() == field).unwrap();
        u32::try_from(field.number()).unwrap()
    }

    fn leaves_out(bytes: &Bytes) -> bool {
        let message = PublishPictureRequest::decode(bytes.clone());
        message.expect("unknown fields are no fault of the bytes");
        SCHEMA.as_ref().unwrap().leaves_out(&PublishPictureRequest::full_name(), bytes)
    }

    #[test]
    fn row14_a_critical_field_that_is_not_known_is_seen_wherever_it_stands() {
        for number in [1000, 1500, 1999] {
            assert!(with_field(number).iter().all(leaves_out), "{number}");
        }
        for number in [900, 999, 2000, 100_000] {
            assert!(!with_field(number).iter().any(leaves_out), "{number}");
        }
        assert!(!leaves_out(&publication().encode_to_vec().into()));
    }

    #[test]
    fn no_field_of_today_is_critical_and_every_message_is_known() {
        let schema = SCHEMA.as_ref().unwrap();
        let fields = schema.fields.iter().flat_map(BTreeMap::keys);
        assert!(!fields.into_iter().any(|number| CRITICAL.contains(number)));
        assert!(schema.names.contains_key("samsyn.v1.Observation"));
        assert!(schema.names.contains_key("samsyn.admin.v1.SuspendServiceRequest"));
    }

    proptest::proptest! {
        #[test]
        fn bytes_of_any_kind_are_walked_to_their_end(bytes: Vec<u8>) {
            let schema = SCHEMA.as_ref().unwrap();
            if let Ok(message) = PublishPictureRequest::decode(bytes.as_slice()) {
                let again = message.encode_to_vec().into();
                let name = PublishPictureRequest::full_name();
                proptest::prop_assert!(!schema.leaves_out(&name, &again));
                schema.leaves_out(&name, &bytes.into());
            }
        }
    }
}
