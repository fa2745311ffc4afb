//! Messages, whose inboxes they stand in, and how far each came with each recipient.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    FunctionId, Timestamp,
    command::Digest,
    message::{Inboxed, Message, MessageId, Receipt, Step},
};

/// A message with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The message.
    pub message: Arc<Message>,
    receipts: BTreeMap<FunctionId, Vec<Receipt>>,
}

impl Kept {
    /// The steps that it has reached with a recipient, in order.
    #[must_use]
    pub fn receipts(&self, to: &FunctionId) -> &[Receipt] {
        self.receipts.get(to).map_or(&[], Vec::as_slice)
    }

    /// Whether it stands, or stood, in the inbox of a function.
    #[must_use]
    pub fn reached(&self, to: &FunctionId) -> bool {
        self.receipts(to).iter().any(|receipt| receipt.step == Step::Accepted)
    }

    /// How far it has come with a recipient; none when that is not one.
    #[must_use]
    pub fn step(&self, to: &FunctionId) -> Option<Step> {
        self.receipts(to).last().map(|receipt| receipt.step)
    }
}

/// All messages of a domain.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Messages {
    all: BTreeMap<MessageId, Kept>,
    /// By function, in the order of their numbers, which are dense from 1.
    inboxes: BTreeMap<FunctionId, Vec<MessageId>>,
    /// By function, by when they were sent.
    sent: BTreeMap<FunctionId, BTreeSet<(Timestamp, MessageId)>>,
    /// By the first of a thread, by when they were taken in here.
    threads: BTreeMap<MessageId, BTreeSet<(Timestamp, MessageId)>>,
    /// How many messages in an inbox are not dealt with.
    open: BTreeMap<FunctionId, usize>,
    /// By the digest of a part of an attachment, which messages have it.
    parts: BTreeMap<Digest, BTreeSet<MessageId>>,
}

impl Messages {
    /// A message.
    #[must_use]
    pub fn get(&self, id: &MessageId) -> Option<&Kept> {
        self.all.get(id)
    }

    /// All messages, by id.
    pub fn all(&self) -> impl Iterator<Item = &Kept> {
        self.all.values()
    }

    /// What stands in the inbox of a function after a number, with its number.
    pub fn inbox(&self, function: &FunctionId, after: u64) -> impl Iterator<Item = (u64, &Kept)> {
        let inbox = self.inboxes.get(function).map_or(&[][..], Vec::as_slice);
        let skipped = usize::try_from(after).unwrap_or(usize::MAX);
        let numbers = after.saturating_add(1)..;
        let rest = inbox.get(skipped..).unwrap_or_default();
        numbers.zip(rest).filter_map(|(number, id)| Some((number, self.all.get(id)?)))
    }

    /// How many messages ever came into the inbox of a function.
    #[must_use]
    pub fn received(&self, function: &FunctionId) -> u64 {
        self.inboxes.get(function).map_or(0, |inbox| inbox.len() as u64)
    }

    /// How many messages in the inbox of a function are not dealt with.
    #[must_use]
    pub fn open(&self, function: &FunctionId) -> usize {
        self.open.get(function).copied().unwrap_or(0)
    }

    /// What a function has sent, by when.
    pub fn sent_by(&self, function: &FunctionId) -> impl Iterator<Item = &Kept> {
        let sent = self.sent.get(function).into_iter().flatten();
        sent.filter_map(|(_, id)| self.all.get(id))
    }

    /// A thread, by when its messages were taken in here.
    pub fn thread<'a>(&'a self, first: &MessageId) -> impl Iterator<Item = &'a Kept> + use<'a> {
        let thread = self.threads.get(first).into_iter().flatten();
        thread.filter_map(|(_, id)| self.all.get(id))
    }

    /// All parts of attachments that messages name, each with those messages.
    pub fn parts(&self) -> impl Iterator<Item = (&Digest, impl Iterator<Item = &Kept>)> {
        self.parts.iter().map(|(part, of)| (part, of.iter().filter_map(|id| self.all.get(id))))
    }

    /// The messages that have a part of an attachment, by its digest.
    pub fn with_part(&self, part: &Digest) -> impl Iterator<Item = &Kept> {
        let all = self.parts.get(part).into_iter().flatten();
        all.filter_map(|id| self.all.get(id))
    }

    pub(super) fn put(&mut self, message: Arc<Message>) {
        let id = message.id;
        for part in &message.core.parts {
            self.parts.entry(*part).or_default().insert(id);
        }
        let at = (message.at, id);
        if !message.came() {
            self.sent.entry(message.core.from.clone()).or_default().insert(at);
        }
        self.threads.entry(message.thread()).or_default().insert(at);
        self.all.insert(id, Kept { message, receipts: BTreeMap::new() });
    }

    pub(super) fn inboxed(&mut self, row: &Inboxed) {
        self.inboxes.entry(row.function.clone()).or_default().push(row.message);
        let open = self.open.entry(row.function.clone()).or_default();
        *open = open.saturating_add(1);
    }

    pub(super) fn receipt(&mut self, receipt: Receipt) {
        let Some(kept) = self.all.get_mut(&receipt.message) else { return };
        let ends = receipt.step.is_end();
        let was_open = kept.reached(&receipt.to);
        let of = kept.receipts.entry(receipt.to.clone()).or_default();
        if ends
            && was_open
            && let Some(open) = self.open.get_mut(&receipt.to)
        {
            *open = open.saturating_sub(1);
        }
        of.push(receipt);
    }
}
