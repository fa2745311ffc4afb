//! Any canonical value: what the generic test vectors need, and the mutations of a proof.

use serde_json::Value as Json;

use super::super::canonical::{Fields, Item, Malformed, PROOF_BYTES_MAX};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree {
    I64(i64),
    Bytes(Vec<u8>),
    Text(String),
    List(Vec<Self>),
    Message(Vec<(u16, Self)>),
    Bool(bool),
}

impl Tree {
    /// Reads the outermost message.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::message(Fields::of(bytes, PROOF_BYTES_MAX)?)
    }

    fn message(mut fields: Fields<'_>) -> Result<Self, Malformed> {
        let mut read = Vec::new();
        while let Some((number, kind)) = fields.peek()? {
            let value = match kind {
                2 => Self::I64(fields.i64(number)?),
                3 => Self::Bytes(fields.bytes(number)?.to_vec()),
                4 => Self::Text(fields.text(number)?.to_owned()),
                5 => Self::List(fields.list(number, Self::item_of)?),
                6 => Self::message(fields.message(number)?)?,
                7 => Self::Bool(fields.bool(number)?),
                _ => return Err(Malformed::Type),
            };
            read.push((number, value));
        }
        fields.end()?;
        Ok(Self::Message(read))
    }

    fn item_of(item: &mut Item<'_, '_>) -> Result<Self, Malformed> {
        match item.kind() {
            Some(2) => item.i64().map(Self::I64),
            Some(3) => item.bytes().map(|bytes| Self::Bytes(bytes.to_vec())),
            Some(4) => item.text().map(|text| Self::Text(text.to_owned())),
            Some(5) => item.list(Self::item_of).map(Self::List),
            Some(6) => Self::message(item.message()?),
            Some(7) => item.bool().map(Self::Bool),
            Some(_) => Err(Malformed::Type),
            None => Err(Malformed::Cut),
        }
    }

    /// As the test vectors write it.
    pub(super) fn of_json(json: &Json) -> Self {
        let (name, value) = json.as_object().unwrap().iter().next().unwrap();
        match name.as_str() {
            "i64" => Self::I64(value.as_str().unwrap().parse().unwrap()),
            "bytes" => Self::Bytes(super::bytes(value)),
            "text" => Self::Text(value.as_str().unwrap().to_owned()),
            "list" => Self::List(super::list(value).iter().map(Self::of_json).collect()),
            "message" => Self::of_fields(value),
            "bool" => Self::Bool(value.as_bool().unwrap()),
            _ => panic!("{name}"),
        }
    }

    pub(super) fn of_fields(json: &Json) -> Self {
        let field = |pair: &Json| {
            (u16::try_from(super::number(&pair[0])).unwrap(), Self::of_json(&pair[1]))
        };
        Self::Message(super::list(json).iter().map(field).collect())
    }

    /// The bytes of the outermost message.
    pub(super) fn encode(&self) -> Vec<u8> {
        let Self::Message(fields) = self else { panic!("{self:?}") };
        let mut bytes = Vec::new();
        for (number, value) in fields {
            bytes.extend(number.to_be_bytes());
            bytes.extend(value.encoded_item());
        }
        bytes
    }

    /// The bytes as an item of a list.
    fn encoded_item(&self) -> Vec<u8> {
        let prefixed = |kind: u8, bytes: &[u8]| {
            let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
            [&[kind], length.as_slice(), bytes].concat()
        };
        match self {
            Self::I64(value) => [&[2], value.to_be_bytes().as_slice()].concat(),
            Self::Bytes(value) => prefixed(3, value),
            Self::Text(value) => prefixed(4, value.as_bytes()),
            Self::List(items) => {
                let count = u32::try_from(items.len()).unwrap().to_be_bytes();
                let items: Vec<u8> = items.iter().flat_map(Self::encoded_item).collect();
                [&[5], count.as_slice(), &items].concat()
            }
            Self::Message(_) => prefixed(6, &self.encode()),
            Self::Bool(value) => vec![7, u8::from(*value)],
        }
    }

    pub(super) fn field(&mut self, number: u16) -> &mut Self {
        let Self::Message(fields) = self else { panic!("{self:?}") };
        &mut fields.iter_mut().find(|(found, _)| *found == number).unwrap().1
    }

    pub(super) fn items(&mut self) -> &mut Vec<Self> {
        let Self::List(items) = self else { panic!("{self:?}") };
        items
    }

    pub(super) fn item(&mut self, at: usize) -> &mut Self {
        &mut self.items()[at]
    }

    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        let Self::Bytes(bytes) = self else { panic!("{self:?}") };
        bytes
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        let Self::Bytes(bytes) = self else { panic!("{self:?}") };
        bytes
    }

    /// Puts a set in order again.
    pub(super) fn sort(&mut self) {
        self.items().sort_by_key(Self::encoded_item);
    }
}
