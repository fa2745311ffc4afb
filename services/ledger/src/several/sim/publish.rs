//! Parties that publish, and who reads a picture now and then.

use std::sync::Arc;

use samsyn_policy::{At, PublishedView, View};
use samsyn_proto::inbound::{JointAsked, PageAsked, Publication};

use super::{
    super::{
        dice::Dice,
        trade::{Party, Reads, area},
        wire::Connected,
    },
    load::{ANSWER_MAX, Shared, is_passing},
    shown::Sent,
};
use crate::{Joint, Place, Rejection};

impl Shared {
    /// Publishes one after the other; each at the node that leads, again under its key until that
    /// is answered.
    pub(super) async fn publish(self: Arc<Self>, name: &'static str, number: u64, mut dice: Dice) {
        let mut party = Party::of(name, number);
        while self.goes_on() {
            tokio::time::sleep(dice.millis(20, 250)).await;
            let asked = party.next(&mut dice);
            let Some(version) = self.published(&party, &asked, &mut dice).await else { return };
            party.published(version);
            self.observed(|observed| observed.published.insert(asked.party, version));
        }
    }

    /// The version that a publication has become; none when it was refused, or all ends before.
    async fn published(&self, party: &Party, asked: &Publication, dice: &mut Dice) -> Option<u64> {
        while self.goes_on() {
            tokio::time::sleep(dice.millis(0, 20)).await;
            let mut nodes = self.nodes();
            nodes.retain(|node| node.ledger.place() == Place::Here);
            let Some(node) = dice.pick(&nodes) else { continue };
            let Some(answer) = published_at(&node, party, asked).await else { continue };
            if node.life.is_over() {
                continue;
            }
            match answer {
                Ok(view) => {
                    let whose = (party.caller().serial().to_owned(), &asked.area);
                    let sent = Sent::published(&node.ledger, (&whose.0, whose.1), &view);
                    self.observed(|observed| observed.sent.push(sent));
                    return Some(view.content().version);
                }
                Err(rejection) if is_passing(&rejection) => {}
                Err(rejection) => {
                    let why = format!("{asked:?} is refused: {rejection}");
                    self.observed(|observed| observed.surprises.push(why));
                    return None;
                }
            }
        }
        None
    }

    /// Reads the joint picture of the month, at any node.
    pub(super) async fn look_in(self: Arc<Self>, number: u64, mut dice: Dice) {
        let card = format!("looks-{number}");
        while self.goes_on() {
            tokio::time::sleep(dice.millis(20, 200)).await;
            let (Some(node), Some(reads)) = (dice.pick(&self.nodes()), dice.pick(&Reads::ALL))
            else {
                continue;
            };
            let caller = reads.caller(&card);
            let Ok(reader) = node.ledger.reader(&caller, reads.ground()) else { continue };
            let asked = joint();
            let read = node.ledger.joint(&caller, &reader, &asked);
            let Ok(answer) = tokio::time::timeout(ANSWER_MAX, read).await else { continue };
            if node.life.is_over() {
                continue;
            }
            match answer {
                Ok((Joint::Here(view), _)) => {
                    let sent = Sent::joint(&node.ledger, &card, &view);
                    self.observed(|observed| observed.sent.push(sent));
                }
                Ok((Joint::Received(_), _)) => {
                    let why = format!("{reads:?} reads what nobody delivers");
                    self.observed(|observed| observed.surprises.push(why));
                }
                Err(rejection) if is_passing(&rejection) => {}
                Err(rejection) => {
                    let why = format!("{reads:?} may not read: {rejection}");
                    self.observed(|observed| observed.surprises.push(why));
                }
            }
        }
    }
}

fn joint() -> JointAsked {
    JointAsked {
        area: area(),
        period: "2025-09".parse().unwrap(),
        at: At::Newest,
        min_revision: 0,
        valid_at: None,
        page: PageAsked { size: 100, token: String::new() },
    }
}

/// What a node answers; none where it takes too long, or ends.
async fn published_at(
    node: &Connected,
    party: &Party,
    asked: &Publication,
) -> Option<Result<View<PublishedView>, Rejection>> {
    let work = node.life.work()?;
    let (ledger, caller, asked) = (node.ledger.clone(), party.caller(), asked.clone());
    // It goes on at the node when nobody waits for it any more: what it writes is waited for.
    let publishing = tokio::spawn(async move {
        let _work = work;
        let reader = ledger.own_reader(&caller)?;
        ledger.publish(&caller, &reader, &asked).await
    });
    tokio::time::timeout(ANSWER_MAX, publishing).await.ok()?.ok()
}
