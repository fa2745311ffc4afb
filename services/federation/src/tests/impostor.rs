//! Who speaks as a domain of a test, with that domain's own key: nothing is refused for its
//! signature but where that is the fault.

use std::sync::Arc;

use samsyn_domain::{
    commit::dsse::PayloadType,
    link::{Address, Chain, Header, Kind, LEVEL, Link, PROTOCOL, Payload, Sent, payload_digest},
    message::{Attachment, Core, MessageKind, Precedence, Text},
};
use samsyn_ledger::Ledger;
use samsyn_proto::link::{ChainHead, Envelope, Frame, Hello, Taken, frame};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};

use super::world::{CITY, Domain, NOW, PATIENCE, POLICE, Who, World, ground, labels};
use crate::{Closing, Wire};

/// Speaks as one domain to the other.
pub(super) struct Hostile {
    from: Who,
    to: Who,
    pub(super) key: Ledger,
    pub(super) out: mpsc::Sender<Frame>,
    pub(super) told: mpsc::Receiver<Frame>,
    pub(super) chain: Chain,
}

/// How a header is bent before it is signed.
pub(super) type Bend = fn(&mut Header);

impl Hostile {
    /// Opens a session of the city with the police, with a hello as it would say it, bent.
    pub(super) async fn opens(world: &World, bend: impl FnOnce(&mut Hello)) -> Self {
        Self::opens_from(&world.city, &world.police, bend).await
    }

    /// Opens a session of one domain with the other, with a hello as it would say it, bent.
    pub(super) async fn opens_from(
        from: &Domain,
        to: &Domain,
        bend: impl FnOnce(&mut Hello),
    ) -> Self {
        let key = from.ledger.clone();
        let (from, to, answers) = (from.who, to.who, to);
        let (out, frames) = mpsc::channel(512);
        let (outgoing, told) = mpsc::channel(512);
        let incoming = Box::pin(ReceiverStream::new(frames).map(Ok));
        let until = NOW.after_seconds(86_400);
        let wire = Wire { incoming, outgoing, certificate_until: until, holds: Arc::new(|| true) };
        answers.links.answer(&from.id(), wire);
        let link = answers.ledger.link(&from.id());
        let mut hello = honest((from, to), &link);
        bend(&mut hello);
        // A link that stands still is closed without a hello.
        let _ = out.send(Frame { kind: Some(frame::Kind::Hello(hello)) }).await;
        Self { from, to, key, out, told, chain: link.taken }
    }

    /// A payload as the city would number it next, its header bent.
    pub(super) fn envelope(
        &mut self,
        payload: &[u8],
        kind: i64,
        bend: impl FnOnce(&mut Header),
    ) -> Envelope {
        let salt = [7; 32];
        let mut header = Header {
            federation: "test".to_owned(),
            epoch: self.chain.epoch,
            sequence: self.chain.sequence + 1,
            previous: self.chain.head,
            from: Address::function(self.from.id(), self.from.function()),
            to: Address::function(self.to.id(), self.to.function()),
            kind,
            key: [1; 16],
            expected_version: None,
            in_reply_to: None,
            issued_at: NOW,
            valid_seconds: None,
            precedence: Precedence::Routine,
            labels: Some(labels(1).into()),
            payload: payload_digest(&salt, payload),
            parts: Vec::new(),
            sealed_to: None,
            bundle: 0,
            level: LEVEL,
        };
        bend(&mut header);
        let bytes = header.encode().unwrap();
        self.signed(bytes, payload, salt)
    }

    pub(super) fn signed(&mut self, header: Vec<u8>, payload: &[u8], salt: [u8; 32]) -> Envelope {
        let signature = self.key.sign_as_domain(PayloadType::LinkEnvelope, &header);
        let sequence = self.chain.sequence + 1;
        self.chain = Chain { sequence, head: Header::id_of(&header), ..self.chain };
        Envelope {
            header: header.into(),
            signature: signature.to_vec().into(),
            key_id: self.key.link_key().to_vec().into(),
            payload: payload.to_vec().into(),
            salt: salt.to_vec().into(),
        }
    }

    /// A message as the city would send it, its header bent.
    pub(super) fn message(&mut self, subject: &str, bend: impl FnOnce(&mut Header)) -> Envelope {
        self.message_of(sent(subject), bend)
    }

    /// As `message`, of whatever it says.
    pub(super) fn message_of(&mut self, sent: Sent, bend: impl FnOnce(&mut Header)) -> Envelope {
        let payload = Payload::Message(sent.into()).encode().unwrap();
        self.envelope(&payload, Kind::Message.number(), bend)
    }

    pub(super) async fn sends(&self, envelope: Envelope) {
        let kind = Some(frame::Kind::Envelope(envelope));
        self.out.send(Frame { kind }).await.unwrap();
    }

    /// The next word on how far the police have come.
    pub(super) async fn taken(&mut self) -> Taken {
        loop {
            match self.next().await {
                frame::Kind::Taken(taken) => return taken,
                frame::Kind::Closing(closing) => panic!("{}", closing.reason),
                frame::Kind::Hello(_)
                | frame::Kind::Envelope(_)
                | frame::Kind::Heartbeat(_)
                | frame::Kind::Fetch(_)
                | frame::Kind::Part(_) => {}
            }
        }
    }

    /// Why the police end the session.
    pub(super) async fn closed(&mut self) -> Closing {
        loop {
            if let frame::Kind::Closing(closing) = self.next().await {
                return Closing::from_code(&closing.reason).unwrap();
            }
        }
    }

    pub(super) async fn next(&mut self) -> frame::Kind {
        let next = timeout(PATIENCE, self.told.recv()).await.expect("nothing came");
        next.expect("the session ended without a word").kind.unwrap()
    }
}

pub(super) fn honest((from, to): (Who, Who), link: &Link) -> Hello {
    let head = |chain: Chain| ChainHead {
        epoch: chain.epoch,
        sequence: chain.sequence,
        envelope_id: chain.head.digest().to_vec(),
    };
    Hello {
        domain: from.domain.to_owned(),
        peer: to.domain.to_owned(),
        federation: "test".to_owned(),
        protocol: PROTOCOL,
        level: LEVEL,
        numbered: Some(head(link.taken)),
        acknowledged: Some(head(link.taken)),
        taken: Some(head(link.out)),
        clock_micros: NOW.micros(),
        credits: 256,
    }
}

fn sent(subject: &str) -> Sent {
    sent_with(subject, Vec::new())
}

/// A notice of the city to the police, with files.
pub(super) fn sent_with(subject: &str, attachments: Vec<Attachment>) -> Sent {
    let (subject, body) = (subject.to_owned(), String::new());
    let text = Text { subject, body, attachments, salt: [3; 32] };
    let core = Core {
        domain: CITY.id(),
        from: CITY.function(),
        to: [POLICE.function()].into(),
        kind: MessageKind::Notice,
        precedence: Precedence::Routine,
        thread: None,
        in_reply_to: None,
        respond_by: None,
        valid_seconds: 60,
        labels: labels(1).into(),
        ground: ground(),
        nonce: [9; 16],
        content: text.commitment().unwrap(),
        parts: text.parts(),
    };
    Sent { core, text, sent_at: NOW }
}
