//! XML token by token, within limits: nothing is expanded but characters and the five entities that
//! every document has, and no element, text or tag is larger or lies deeper than is allowed.

use std::io::{self, BufRead, Read};

use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesRef, BytesStart, Event},
};

/// How deep elements may lie within each other.
const DEPTH_MAX: usize = 32;
/// The largest tag or piece of text, in bytes.
const TOKEN_BYTES_MAX: usize = 256 * 1024;

/// A document that is read from front to back.
pub(super) struct Xml<R> {
    reader: Reader<Bounded<R>>,
    buffer: Vec<u8>,
    depth: usize,
}

/// A part of a document. Names are without their prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// An element begins.
    Open(Element),
    /// The element that began last ends.
    Close,
    /// A piece of text; the next one may belong to it.
    Text(String),
    /// The document ends.
    End,
}

/// The begin of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Where a document breaks a rule or a limit: at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadXml {
    pub(super) at: u64,
}

impl<R: BufRead> Xml<R> {
    /// A document of at most so many bytes.
    pub(super) fn new(source: R, bytes_max: u64) -> Self {
        let mut reader = Reader::from_reader(Bounded { source, left: bytes_max, token_left: 0 });
        reader.config_mut().expand_empty_elements = true;
        Self { reader, buffer: Vec::new(), depth: 0 }
    }

    /// The next token. Remarks and instructions are left out.
    ///
    /// # Errors
    /// When the document is not well-formed, declares a type (which could declare entities), or is
    /// beyond a limit.
    pub(super) fn next(&mut self) -> Result<Token, BadXml> {
        loop {
            if let Some(token) = self.event()? {
                return Ok(token);
            }
        }
    }

    /// Reads on to the end of the element that has just begun.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub(super) fn skip(&mut self) -> Result<(), BadXml> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            if self.next()? == Token::End {
                return Err(self.bad());
            }
        }
        Ok(())
    }

    /// The fault of what was read last.
    pub(super) fn bad(&self) -> BadXml {
        BadXml { at: self.reader.buffer_position() }
    }

    fn event(&mut self) -> Result<Option<Token>, BadXml> {
        self.buffer.clear();
        self.reader.get_mut().token_left = TOKEN_BYTES_MAX;
        let at = self.reader.buffer_position();
        let bad = BadXml { at };
        let event = self.reader.read_event_into(&mut self.buffer).map_err(|_| bad)?;
        Ok(Some(match event {
            Event::Start(start) => {
                self.depth = self.depth.saturating_add(1);
                if self.depth > DEPTH_MAX {
                    return Err(bad);
                }
                Token::Open(element(&start).ok_or(bad)?)
            }
            Event::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                Token::Close
            }
            Event::Text(text) => Token::Text(text.xml10_content().into_owned()),
            Event::CData(text) => Token::Text(text.xml10_content().into_owned()),
            Event::GeneralRef(entity) => Token::Text(character(&entity).ok_or(bad)?),
            Event::Eof if self.depth == 0 => Token::End,
            Event::Eof | Event::DocType(_) => return Err(bad),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => return Ok(None),
        }))
    }
}

fn element(start: &BytesStart<'_>) -> Option<Element> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).ok()?;
        attributes.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
    }
    Some(Element { name: start.local_name().as_ref().to_owned(), attributes })
}

fn character(entity: &BytesRef<'_>) -> Option<String> {
    match entity.resolve_char_ref().ok()? {
        Some(character) => Some(character.to_string()),
        None => resolve_predefined_entity(entity).map(str::to_owned),
    }
}

/// A source that ends with an error at a limit, of the whole and of each token.
struct Bounded<R> {
    source: R,
    left: u64,
    token_left: usize,
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(into)?;
        self.consume(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let bytes = self.source.fill_buf()?;
        if bytes.is_empty() {
            return Ok(bytes);
        }
        let left = usize::try_from(self.left).unwrap_or(usize::MAX).min(self.token_left);
        match bytes.get(..left.min(bytes.len())) {
            Some(bytes) if !bytes.is_empty() => Ok(bytes),
            Some(_) | None => Err(io::Error::other("larger than allowed")),
        }
    }

    fn consume(&mut self, n: usize) {
        self.left = self.left.saturating_sub(u64::try_from(n).unwrap_or(u64::MAX));
        self.token_left = self.token_left.saturating_sub(n);
        self.source.consume(n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str, bytes_max: u64) -> Result<Vec<Token>, BadXml> {
        let mut xml = Xml::new(text.as_bytes(), bytes_max);
        let mut all = Vec::new();
        loop {
            match xml.next()? {
                Token::End => return Ok(all),
                token @ (Token::Open(_) | Token::Close | Token::Text(_)) => all.push(token),
            }
        }
    }

    fn read(text: &str) -> Result<Vec<Token>, BadXml> {
        tokens(text, u64::MAX)
    }

    #[test]
    fn elements_texts_and_attributes_are_read() {
        let text = "<?xml version=\"1.0\"?><!-- x --><x:a n=\"&lt;1\"><b/>\
            1 &amp; &#229;<![CDATA[<]]></x:a>";
        let all = read(text).unwrap();
        let Token::Open(a) = &all[0] else { panic!("{all:?}") };
        assert_eq!((a.name.as_str(), a.attribute("n"), a.attribute("m")), ("a", Some("<1"), None));
        assert_eq!(all[2], Token::Close);
        let texts = all.iter().filter_map(|token| match token {
            Token::Text(text) => Some(text.as_str()),
            Token::Open(_) | Token::Close | Token::End => None,
        });
        assert_eq!(texts.collect::<String>(), "1 & å<");
    }

    #[test]
    fn entities_depth_and_size_are_bounded() {
        let laughs = "<!DOCTYPE a [<!ENTITY b \"ha\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
        assert!(read(laughs).is_err());
        assert!(read("<a>&b;</a>").is_err());
        let deep = |n| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
        assert!(read(&deep(DEPTH_MAX)).is_ok());
        assert!(read(&deep(DEPTH_MAX + 1)).is_err());
        let wide = |n| format!("<a>{}</a>", "x".repeat(n));
        assert!(read(&wide(TOKEN_BYTES_MAX - 10)).is_ok());
        assert!(read(&wide(TOKEN_BYTES_MAX + 1)).is_err());
        assert!(tokens(&wide(10), 17).is_ok());
        assert!(tokens(&wide(10), 16).is_err());
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for text in ["<a>", "<a></b>", "</a>", "<a", "<a n=1/>", "<a>&#0;</a>"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_element_is_skipped_with_all_in_it() {
        let mut xml = Xml::new("<a><b><c>1</c><c/></b>2</a>".as_bytes(), 100);
        xml.next().unwrap();
        xml.next().unwrap();
        xml.skip().unwrap();
        assert_eq!(xml.next(), Ok(Token::Text("2".into())));
    }
}
