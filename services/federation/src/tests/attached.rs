//! Files that go with messages, from one domain to the other.

use std::{collections::BTreeSet, path::Path, time::Duration};

use chacha20poly1305::{
    ChaCha20Poly1305,
    aead::{Aead as _, KeyInit as _},
};
use samsyn_domain::{
    FeatureLevel,
    command::Digest,
    link::{Header, Sent},
    message::{
        Attachment, MediaType, MessageId, PART_BYTES, Precedence, SEALED_PART_BYTES_MAX, Step,
    },
};
use samsyn_ledger::{BadAttachment, Rejection, Uploaded};
use samsyn_proto::{
    inbound::{AttachmentAsked, FileAsked, SendAsked},
    link::{Fetch, Frame, Part, frame::Kind},
};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::{
    impostor::{Hostile, sent_with},
    web::Web,
    world::{CITY, Domain, NOW, PATIENCE, POLICE, Who, World},
};

/// A list of so many bytes.
pub(super) fn list(bytes: usize) -> Vec<u8> {
    "plats;antal\n".bytes().cycle().take(bytes).collect()
}

/// The parts that a domain keeps of its own.
fn own_parts(of: &Domain, data: &Path) -> Vec<Digest> {
    let entries = |of: &Path| std::fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path());
    let folder = data.join("attachments/parts").join(of.who.domain);
    let files = entries(&folder).flat_map(|inner| entries(&inner).collect::<Vec<_>>());
    let name = |file: std::path::PathBuf| file.file_name().unwrap().to_str().unwrap().to_owned();
    files.map(|file| hex::decode(name(file)).unwrap().try_into().unwrap()).collect()
}

/// The key of files that nobody uploaded.
const KEY: [u8; 32] = [2; 32];

/// A file, as its sender says.
fn said(media_type: MediaType, bytes: usize, parts: Vec<Digest>) -> Attachment {
    let (name, size) = ("lista.csv".to_owned(), u32::try_from(bytes).unwrap());
    Attachment { name, media_type, size, digest: [1; 32], key: KEY, parts }
}

/// A file of one part, sealed.
fn sealed(key: &[u8; 32], file: &[u8]) -> Vec<u8> {
    let mut nonce = [0; 12];
    nonce[11] = 1;
    ChaCha20Poly1305::new(key.into()).encrypt(&nonce.into(), file).unwrap()
}

impl Hostile {
    /// Sends a message with files, which is taken in.
    async fn sends_with(&mut self, sent: Sent) -> MessageId {
        let (id, core) = (sent.core.id().unwrap(), sent.core.clone());
        let envelope = self.message_of(sent, |header| {
            (header.parts, header.precedence) = (core.parts, core.precedence);
        });
        self.sends(envelope).await;
        assert!(self.taken().await.set_aside.is_empty());
        id
    }

    /// The next part that it is asked for.
    async fn is_asked(&mut self) -> Digest {
        loop {
            if let Kind::Fetch(Fetch { digest }) = self.next().await {
                return Digest::try_from(&*digest).unwrap();
            }
        }
    }

    /// Gives a part, or the last bytes of it.
    async fn gives(&self, digest: &Digest, content: &[u8], last: bool) {
        let (digest, content) = (digest.to_vec().into(), content.to_vec().into());
        let part = Kind::Part(Part { digest, content, last });
        self.out.send(Frame { kind: Some(part) }).await.unwrap();
    }
}

impl Domain {
    async fn uploads(&self, name: &str, file: &[u8]) -> Result<Uploaded, Rejection> {
        let asked = FileAsked { of: self.mailbox(), name: name.to_owned() };
        let mut upload = self.ledger.upload_file(&self.who.caller(), asked)?;
        for chunk in file.chunks(100_000) {
            upload.push(chunk).await?;
        }
        upload.end().await
    }

    pub(super) async fn sends_with(&self, to: Who, subject: &str, files: &[&[u8]]) -> MessageId {
        let mut attachments = Vec::new();
        for file in files {
            attachments.push(self.uploads("lista.csv", file).await.unwrap().token);
        }
        let asked = SendAsked { attachments, ..self.asked(to, subject) };
        self.ledger.send_message(&self.who.caller(), &asked).await.unwrap()
    }

    async fn opened(&self, message: MessageId, number: usize) -> Result<Vec<u8>, Rejection> {
        let asked = AttachmentAsked { of: self.mailbox(), message, number };
        let view = self.ledger.attachment(&self.who.caller(), &asked).await?;
        let (mut given, mut file) = (self.ledger.give_file(view), Vec::new());
        while let Some(part) = given.next().await? {
            file.extend(part);
        }
        Ok(file)
    }

    /// Waits until the bytes of an attachment have come.
    pub(super) async fn has_come(&self, message: MessageId, number: usize) -> Vec<u8> {
        let comes = timeout(PATIENCE, async {
            loop {
                match self.opened(message, number).await {
                    Ok(file) => return file,
                    Err(Rejection::Attachment(BadAttachment::Coming)) => {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                    Err(why) => panic!("{why}"),
                }
            }
        });
        comes.await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_cross_with_their_message_and_open_in_the_bytes_that_were_sent() {
    let mut world = World::new().await;
    world.wire.cut();
    let (large, small) = (list(3 * PART_BYTES + 7), list(20));
    let id = world.city.sends_with(POLICE, "listor", &[&large, &small]).await;
    // Its sender opens it at once, and what it says of the file is so.
    assert_eq!(world.city.opened(id, 1).await.unwrap(), large);
    world.wire.mend();
    world.city.reaches(id, Step::Accepted).await;
    assert_eq!(world.police.has_come(id, 1).await, large);
    assert_eq!(world.police.has_come(id, 2).await, small);
    let none = world.police.opened(id, 3).await;
    assert!(matches!(none, Err(Rejection::Denied(_))), "{none:?}");
    // What was taken in is there when both begin anew, without a wire.
    world.restart_police().await;
    world.wire.cut();
    assert_eq!(world.police.opened(id, 1).await.unwrap(), large);
    // And the other way.
    world.wire.mend();
    let id = world.police.sends_with(CITY, "svar", &[&large]).await;
    world.police.reaches(id, Step::Accepted).await;
    assert_eq!(world.city.has_come(id, 1).await, large);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wire_that_breaks_again_and_again_loses_no_part() {
    let world = World::new().await;
    let file = list(20 * PART_BYTES);
    let id = world.city.sends_with(POLICE, "lista", &[&file]).await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(30)).await;
        world.wire.tear();
    }
    world.city.reaches(id, Step::Accepted).await;
    assert_eq!(world.police.has_come(id, 1).await, file);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_files_than_a_day_allows_wait_and_hold_up_no_message() {
    let world = World::new().await;
    // Two parts a day.
    world.police.links.allow_files(2 * SEALED_PART_BYTES_MAX as u64);
    world.wire.tear();
    let file = list(4 * PART_BYTES);
    let id = world.city.sends_with(POLICE, "lista", &[&file]).await;
    let slowed = timeout(PATIENCE, async {
        while world.police.links.slowed() != [CITY.id()] {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    slowed.await.unwrap();
    let plain = world.city.sends(POLICE, "utan").await;
    world.city.reaches(plain, Step::Accepted).await;
    let opened = world.police.opened(id, 1).await;
    assert!(matches!(opened, Err(Rejection::Attachment(BadAttachment::Coming))), "{opened:?}");
    for domain in [&world.police, &world.city] {
        domain.at(NOW.after_seconds(86_400));
    }
    assert_eq!(world.police.has_come(id, 1).await, file);
    let over = timeout(PATIENCE, async {
        while !world.police.links.slowed().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    over.await.unwrap();
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_a_file_of_no_known_type_or_size_is_refused_where_it_is_uploaded() {
    let world = World::new().await;
    let refused = |bytes: Vec<u8>| {
        let city = &world.city;
        async move {
            match city.uploads("fil", &bytes).await {
                Err(Rejection::Attachment(bad)) => bad,
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(refused(Vec::new()).await, BadAttachment::Empty);
    assert_eq!(refused(b"MZ\x90\x00program".to_vec()).await, BadAttachment::Type);
    assert_eq!(refused(vec![b'a'; 25 * 1024 * 1024 + 1]).await, BadAttachment::TooLarge);
    // Text to its end: also where a character lies across two parts.
    let mut text = vec![b'a'; PART_BYTES - 1];
    text.extend("å".bytes());
    let kept = world.city.uploads("text", &text).await.unwrap();
    assert_eq!(kept.digest, Digest::from(Sha256::digest(&text)));
    text.truncate(PART_BYTES);
    assert_eq!(refused(text).await, BadAttachment::Type);
    // What another function uploaded is nothing to send, and nothing that nobody uploaded.
    for token in [world.police.uploads("fil", b"text").await.unwrap().token, vec![1; 200]] {
        let asked = SendAsked { attachments: vec![token], ..world.city.asked(POLICE, "x") };
        let sent = world.city.ledger.send_message(&CITY.caller(), &asked).await;
        assert!(matches!(sent, Err(Rejection::Attachment(BadAttachment::Unknown(0)))), "{sent:?}");
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_given_to_whom_its_message_was_sent_and_to_nobody_else() {
    let world = World::new().await;
    world.wire.cut();
    // To the police's own inbox: the city is no party to it.
    world.police.sends_with(POLICE, "internt", &[&list(30)]).await;
    let own = own_parts(&world.police, world.dirs[1].path());
    world.police.sends_with(CITY, "till er", &[&list(40)]).await;
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    // The one for the city is numbered in this session, and names its part.
    let to_city = loop {
        if let Kind::Envelope(envelope) = hostile.next().await {
            let (header, _) = Header::decode(&envelope.header).unwrap();
            break header.parts[0];
        }
    };
    let mut asks = async |digest: Digest| {
        let fetch = Kind::Fetch(Fetch { digest: digest.to_vec().into() });
        hostile.out.send(Frame { kind: Some(fetch) }).await.unwrap();
        loop {
            if let Kind::Part(Part { digest: of, content, last }) = hostile.next().await {
                assert!(*of == digest && last);
                return content;
            }
        }
    };
    assert_eq!(own.len(), 1);
    assert!(asks(own[0]).await.is_empty());
    assert!(asks([9; 32]).await.is_empty());
    assert_eq!(Digest::from(Sha256::digest(asks(to_city).await)), to_city);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_from_what_is_fetched_what_a_domain_has_of_others() {
    let world = World::new().await;
    world.wire.cut();
    let own = world.police.sends_with(POLICE, "internt", &[&list(30)]).await;
    let part = own_parts(&world.police, world.dirs[1].path())[0];
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let file = said(MediaType::Text, 30, vec![part]);
    let id = hostile.sends_with(sent_with("har ni den?", vec![file])).await;
    assert_eq!(hostile.is_asked().await, part);
    let opened = world.police.opened(id, 1).await;
    assert!(matches!(opened, Err(Rejection::Attachment(BadAttachment::Coming))), "{opened:?}");
    assert_eq!(world.police.opened(own, 1).await.unwrap(), list(30));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_than_were_named_are_never_taken_for_them() {
    let world = World::new().await;
    world.wire.cut();
    let file = said(MediaType::Text, 5, vec![[3; 32]]);
    let sent = sent_with("med lista", vec![file]);
    let id = sent.core.id().unwrap();
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    // A header that names other parts than the message, and a message other ones than its text.
    let mut bent = sent.clone();
    bent.core.parts = vec![[4; 32]];
    for (sent, parts) in [(sent.clone(), vec![]), (bent, vec![[4; 32]]), (sent, vec![[3; 32]])] {
        let is_whole = parts == [[3; 32]];
        let envelope = hostile.message_of(sent, |header| header.parts = parts);
        hostile.sends(envelope).await;
        let taken = hostile.taken().await;
        let expected: &[&str] = if is_whole { &[] } else { &["malformed"] };
        let told: Vec<_> = taken.set_aside.iter().map(|one| one.reason.as_str()).collect();
        assert_eq!(told, expected);
    }
    let digest = hostile.is_asked().await;
    hostile.gives(&digest, b"other bytes", true).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let opened = world.police.opened(id, 1).await;
    assert!(matches!(opened, Err(Rejection::Attachment(BadAttachment::Coming))), "{opened:?}");
    assert_eq!(world.police.inbox().await, ["med lista"]);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_not_there_yet_is_soon_asked_for_again() {
    let world = World::new().await;
    world.wire.cut();
    let bytes = sealed(&KEY, b"text\n");
    let file = said(MediaType::Text, 5, vec![Sha256::digest(&bytes).into()]);
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let id = hostile.sends_with(sent_with("med lista", vec![file])).await;
    // A domain that was restored may not know yet that it has sent the message.
    for content in [&[], &[], &*bytes] {
        let digest = hostile.is_asked().await;
        hostile.gives(&digest, content, true).await;
    }
    assert_eq!(world.police.has_come(id, 1).await, b"text\n");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_urgent_is_fetched_first_and_a_file_in_its_order() {
    let world = World::new().await;
    world.wire.cut();
    let file = |parts: Vec<Digest>| said(MediaType::Text, parts.len() * PART_BYTES, parts);
    let routine = sent_with("rutin", vec![file(vec![[9; 32], [5; 32], [7; 32]])]);
    let mut urgent = sent_with("brådskande", vec![file(vec![[8; 32]])]);
    urgent.core.precedence = Precedence::Flash;
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let mut asked: Vec<Digest> = Vec::new();
    for sent in [Some(routine), Some(urgent), None, None] {
        if let Some(sent) = sent {
            hostile.sends_with(sent).await;
        }
        // What was asked for before is answered once the next message is there.
        if let Some(digest) = asked.last() {
            hostile.gives(digest, &[], true).await;
        }
        asked.push(hostile.is_asked().await);
    }
    assert_eq!(asked, [[9; 32], [8; 32], [5; 32], [7; 32]]);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_with_files_waits_for_a_domain_that_reads_none() {
    let mut web = Web::new(vec![FeatureLevel::EDITIONS, FeatureLevel::NEWEST], 1).await;
    let (hub, spoke) = (web.all[0].who, &web.all[1]);
    let id = spoke.sends_with(hub, "med lista", &[&list(20)]).await;
    let plain = spoke.sends(hub, "utan").await;
    spoke.reaches(plain, Step::Accepted).await;
    assert_eq!(spoke.steps(id).await, [Step::Stored]);
    web.restart(0, FeatureLevel::NEWEST).await;
    web.all[0].ledger.raise_level(&hub.caller(), None).await.unwrap();
    web.all[1].reaches(id, Step::Accepted).await;
    assert_eq!(web.all[0].has_come(id, 1).await, list(20));
    web.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t20_row46_a_file_that_is_not_what_its_sender_says_is_not_given() {
    let world = World::new().await;
    world.wire.cut();
    let program = b"\x7fELF\x02\x01\x01\0".as_slice();
    let text = b"text\n".as_slice();
    // A program as a document, as text; a size that is not its own; a part of another key; and one
    // that is what it says.
    let cases = [
        (MediaType::Pdf, program.len(), sealed(&KEY, program)),
        (MediaType::Text, program.len(), sealed(&KEY, program)),
        (MediaType::Text, text.len() + 1, sealed(&KEY, text)),
        (MediaType::Text, text.len(), sealed(&[3; 32], text)),
        (MediaType::Text, text.len(), sealed(&KEY, text)),
    ];
    let file = |(media_type, size, part): &(MediaType, usize, Vec<u8>)| {
        said(*media_type, *size, vec![Sha256::digest(part).into()])
    };
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let id = hostile.sends_with(sent_with("med filer", cases.iter().map(file).collect())).await;
    // Some are of one part.
    let parts: BTreeSet<&Vec<u8>> = cases.iter().map(|(_, _, part)| part).collect();
    for _ in &parts {
        let digest = hostile.is_asked().await;
        let is_it = |part: &&&Vec<u8>| Digest::from(Sha256::digest(part)) == digest;
        // In two frames, as any part may come.
        let (first, rest) = parts.iter().find(is_it).unwrap().split_at(3);
        hostile.gives(&digest, first, false).await;
        hostile.gives(&digest, rest, true).await;
    }
    assert_eq!(world.police.has_come(id, 5).await, text);
    for number in 1..=4 {
        let comes = timeout(PATIENCE, async {
            loop {
                match world.police.opened(id, number).await {
                    Err(Rejection::Attachment(BadAttachment::Coming)) => {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                    opened => return opened,
                }
            }
        });
        let opened = comes.await.unwrap();
        assert!(
            matches!(opened, Err(Rejection::Attachment(BadAttachment::Unfit))),
            "{number}: {opened:?}"
        );
    }
    world.close().await;
}
