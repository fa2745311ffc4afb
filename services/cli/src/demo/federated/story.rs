//! What the domains do, section by section; each acts through its own gateway alone.

use std::{
    collections::BTreeSet,
    fmt,
    time::{Duration, Instant},
};

use samsyn_client::{
    Client, ConnectError, NoChange, NotAnInvitation, Refused, SignedInvitation, Word, admin,
    operations, wire, write_context,
};
use samsyn_domain::{
    DomainId, KeyId,
    link::Invitation,
    message::{MessageKind, Step},
    registry::{Change, Operation, Peer, PeerKey, PeerOrganisation, Record},
};
use tokio::time::sleep;

use super::{
    World,
    domains::{BASIS, CITY, Domain, FEDERATION, POLICE, PRISON, PURPOSE, REGION, Who},
};
use crate::demo::{
    clock,
    print::{Checks, Section, cell, number, rule, tell},
};

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
/// The highest level that crosses the links of the story.
const CEILING: u8 = 2;
/// How many notices wait while the wire is cut.
const MISSED: usize = 1_000;

/// Why a section cannot go on.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("{0}")]
    Refused(#[from] Refused),
    #[error("{0}")]
    Connect(#[from] ConnectError),
    #[error("{0}")]
    NoChange(#[from] NoChange),
    #[error("{0}")]
    Invitation(#[from] NotAnInvitation),
    #[error("{0}")]
    Domain(#[from] super::Error),
    #[error("{0} did not come in time")]
    TooLate(&'static str),
    #[error("{0} is missing")]
    Missing(&'static str),
}

impl From<tonic::Status> for Broken {
    fn from(status: tonic::Status) -> Self {
        Self::Refused(status.into())
    }
}

/// The story.
pub(super) struct Story<'a> {
    world: &'a mut World,
    checks: Checks,
}

impl fmt::Debug for Story<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("story of four domains")
    }
}

impl<'a> Story<'a> {
    pub(super) fn new(world: &'a mut World) -> Self {
        Self { world, checks: Checks::default() }
    }

    /// Tells it to its end, or to where it breaks off.
    pub(super) async fn tell(mut self) -> Checks {
        tell(&format!(
            " Samsyn · four sovereign domains on this machine (synthetic, \"PÅHITTAD \
             TESTDATA\")\n{}\n",
            rule()
        ));
        let mut section = Section::new(1, "Four domains, each its own master");
        let told = self.domains(&mut section).await;
        if !self.end(section, told) {
            return self.checks;
        }
        let mut section = Section::new(2, "Two operators link two domains");
        let told = self.links(&mut section).await;
        if !self.end(section, told) {
            return self.checks;
        }
        let mut section = Section::new(3, "A request with a deadline, and its receipts");
        let told = self.request(&mut section).await;
        self.end(section, told);
        let mut section = Section::new(4, "A wire is cut; both sides go on, and catch up");
        let told = self.cut(&mut section).await;
        self.end(section, told);
        let mut section = Section::new(5, "What does not cross");
        let told = self.refused(&mut section).await;
        self.end(section, told);
        let mut section = Section::new(6, "A certificate is revoked, and its link closes");
        let told = self.revoked(&mut section).await;
        self.end(section, told);
        let mut section = Section::new(7, "Who was given what");
        let told = self.given(&mut section).await;
        self.end(section, told);
        self.checks
    }

    fn end(&mut self, mut section: Section, told: Result<(), Broken>) -> bool {
        let whole = told.is_ok();
        if let Err(why) = told {
            section.broke_off(&why);
        }
        let (text, checks) = section.end();
        tell(&format!("{text}\n"));
        self.checks += checks;
        whole
    }

    async fn domains(&self, section: &mut Section) -> Result<(), Broken> {
        let World { city, police, region, prison, .. } = &*self.world;
        let mut keys = BTreeSet::new();
        for domain in [city, police, region, prison] {
            let who = domain.who;
            let invitation = invited(domain).await?;
            section.line(&format!(
                "{} {} {}",
                cell(who.domain, 24),
                cell(who.function_title, 34),
                short(&invitation)
            ));
            keys.insert(invitation.public_key);
        }
        section.holds(
            "each has a key, a registry and a folder of its own",
            keys.len() == 4,
            || format!("{} keys", keys.len()),
        );
        let links = linked(city).await?;
        section.holds("none knows another: there is no link yet", links.is_empty(), || {
            format!("{} links", links.len())
        });
        Ok(())
    }

    async fn links(&self, section: &mut Section) -> Result<(), Broken> {
        let World { city, police, region, prison, .. } = &*self.world;
        for other in [police, region, prison] {
            let began = Instant::now();
            // The city dials; the other side needs no way in to it.
            let of_other = invited(other).await?;
            let of_city = Invitation { endpoints: Vec::new(), ..invited(city).await? };
            accept(city, &of_other).await?;
            accept(other, &of_city).await?;
            is_open(city, other.who).await?;
            section.line(&format!(
                "{} ⇄ {}  {} {}",
                cell(CITY.domain, 18),
                cell(other.who.domain, 24),
                cell(&short(&of_other), 20),
                crate::demo::print::seconds(began.elapsed())
            ));
        }
        section.say(
            "Each operator sends a signed invitation; both read its fingerprint to each other, and \
             each registers the other: ceiling, kinds, organisations, how much. Nothing else may \
             cross.",
        );
        let open = linked(city).await?;
        let all = open.iter().filter(|link| link.state() == admin::LinkState::Open).count();
        section.holds("three links are open", all == 3, || format!("{all} are"));
        let skew = open.iter().filter_map(|link| link.clock_millis).all(|ms| ms.abs() < 2_000);
        section.holds("both sides have compared histories, clocks and levels", skew, || {
            "a clock is off".to_owned()
        });
        Ok(())
    }

    async fn request(&self, section: &mut Section) -> Result<(), Broken> {
        let World { city, police, prison, .. } = &*self.world;
        let asked = wire::SendMessageRequest {
            to_functions: vec![PRISON.address(), POLICE.address()],
            respond_by: Some(clock::wire(clock::now().after_seconds(3 * 86_400))),
            precedence: "priority".to_owned(),
            body: "Vi ser fler otrygghetshändelser vid Skärholmstorget på fredagskvällar. Känner \
                   ni igen bilden, och planerar ni något där i oktober?"
                .to_owned(),
            ..message(CITY, PRISON, "information_request", "Lägesbild Skärholmstorget, vecka 40")
        };
        let id = city.desk.send_message(asked).await?;
        arrives(prison, &id).await?;
        arrives(police, &id).await?;
        let opened = prison.desk.message(&PRISON.address(), &id).await?;
        let head = opened.head.ok_or(Broken::Missing("the head of a message"))?;
        section.holds(
            "it stands in the inboxes of two other domains, with the same id in all three",
            head.message_id == id && head.domain == CITY.domain,
            || format!("{} of {}", head.message_id, head.domain),
        );
        let answer = wire::SendMessageRequest {
            in_reply_to: id.clone(),
            body: "Ja. Frivården är på plats två fredagar i oktober.".to_owned(),
            ..message(PRISON, CITY, "answer", "Sv: Lägesbild Skärholmstorget")
        };
        let answer = prison.desk.send_message(answer).await?;
        let acted = wire::MessageStep::Acted;
        prison.desk.mark_message(&PRISON.address(), &id, acted).await?;
        arrives(city, &answer).await?;
        let ladder = climbs(city, &id, PRISON, Step::Acted).await?;
        section.line(&format!("{}  {}", cell(PRISON.name, 16), ladder.join(" → ")));
        let of_police = climbs(city, &id, POLICE, Step::Accepted).await?;
        section.line(&format!("{}  {}", cell(POLICE.name, 16), of_police.join(" → ")));
        let whole = ["stored", "relayed", "received", "accepted", "read", "acted"];
        let within = |ladder: &[String]| {
            ladder.iter().all(|step| whole.contains(&step.as_str())) && ladder.len() >= 5
        };
        section.holds(
            "the sender sees every step, each once, upwards, signed by the domain that gave it",
            within(&ladder) && ladder.last().is_some_and(|step| step == "acted"),
            || ladder.join(", "),
        );
        let thread = city.desk.thread(&CITY.address(), &id).await?;
        section.holds("question and answer are one thread", thread.len() == 2, || {
            format!("{} messages", thread.len())
        });
        Ok(())
    }

    async fn cut(&self, section: &mut Section) -> Result<(), Broken> {
        let World { city, police, prison, wire: cable, .. } = &*self.world;
        let before = prison.desk.inbox(&PRISON.address(), 0, 0).await?.len();
        cable.cut();
        is_down(city, PRISON).await?;
        let mut last = String::new();
        for n in 0..MISSED {
            let subject = format!("Underrättelse {}", n + 1);
            let notice = message(CITY, PRISON, "notice", &subject);
            last = city.desk.send_message(notice).await?;
        }
        let urgent = wire::SendMessageRequest {
            precedence: "flash".to_owned(),
            ..message(CITY, PRISON, "notice", "Brådskande: torget avspärrat")
        };
        let urgent = city.desk.send_message(urgent).await?;
        let own = message(PRISON, PRISON, "notice", "Hemma går allt som vanligt");
        let own = prison.desk.send_message(own).await?;
        let elsewhere = city.desk.send_message(message(CITY, POLICE, "notice", "Till er")).await?;
        arrives(police, &elsewhere).await?;
        let at_home = all_of(prison).await?;
        section.holds(
            "both domains go on working, and the city's other links too",
            at_home.contains(&own) && !at_home.contains(&last),
            || "the prison service has not what it sent itself, or has what was cut off".to_owned(),
        );
        let tracked = city.desk.track_messages(&CITY.address(), Some(&last)).await?;
        let held = tracked.first().and_then(|one| one.deliveries.first());
        let held = held.map_or("", |delivery| delivery.held_up.as_str());
        let link = link_with(city, PRISON).await?;
        section.line(&format!(
            "{} wait for {}: `{held}`",
            number(usize::try_from(link.waiting + link.numbered - link.acknowledged).unwrap_or(0)),
            PRISON.domain
        ));
        section.holds("the sender sees what holds a message up", held == "waits_for_link", || {
            format!("`{held}`")
        });
        let mended = Instant::now();
        cable.mend();
        arrives(prison, &last).await?;
        let took = mended.elapsed();
        let inbox = all_of(prison).await?;
        let missed = inbox.iter().skip(before + 1).count();
        section.holds(
            &format!(
                "whole again: {} missed messages are there {} later, each once, the urgent one \
                 before those that had not left",
                number(MISSED + 1),
                crate::demo::print::seconds(took)
            ),
            missed == MISSED + 1 && first_is(&inbox, before + 1, &urgent),
            || format!("{missed} came"),
        );
        let (out, taken) = (link_with(city, PRISON).await?, link_with(prison, CITY).await?);
        section.holds("both sides have one chain", out.numbered == taken.taken, || {
            format!("{} and {}", out.numbered, taken.taken)
        });
        Ok(())
    }

    async fn refused(&self, section: &mut Section) -> Result<(), Broken> {
        let World { city, region, .. } = &*self.world;
        let labels = Some(wire::Labels { level: 3, ..labels() });
        let secret = wire::SendMessageRequest {
            labels,
            ..message(CITY, PRISON, "notice", "För hög nivå")
        };
        let refused = city.desk.send_message(secret).await;
        says(section, "level 3, where 2 was agreed", &refused, "ABOVE_CEILING");
        let kind = message(CITY, REGION, "meeting_call", "Kallelse");
        let refused = city.desk.send_message(kind).await;
        says(section, "a kind of message that was not agreed", &refused, "NOT_ALLOWED");
        let other = wire::SendMessageRequest {
            to_functions: vec!["5560000000/nagon".to_owned()],
            ..message(CITY, PRISON, "notice", "Till en främmande")
        };
        let refused = city.desk.send_message(other).await;
        says(section, "an organisation that is at home nowhere", &refused, "UNKNOWN_ADDRESS");
        let nobody = wire::SendMessageRequest {
            to_functions: vec![format!("{}/ingen", REGION.orgnr)],
            ..message(CITY, REGION, "notice", "Till ingen")
        };
        let id = city.desk.send_message(nobody).await?;
        let ladder = climbs(city, &id, REGION, Step::Rejected).await?;
        section.holds(
            "a function that the region does not have: the region itself says so, in a receipt",
            ladder.last().is_some_and(|step| step == "rejected"),
            || ladder.join(", "),
        );
        let there = all_of(region).await?.len();
        section
            .holds("nothing of it stands in an inbox", there == 0, || format!("{there} messages"));
        Ok(())
    }

    async fn revoked(&mut self, section: &mut Section) -> Result<(), Broken> {
        let revoked = Instant::now();
        self.world.prison.revoke(clock::now())?;
        is_down(&self.world.city, PRISON).await?;
        let took = revoked.elapsed();
        let fault = link_with(&self.world.city, PRISON).await?.last_fault;
        section.holds(
            &format!(
                "the link closed {} after the list said so: {}",
                crate::demo::print::seconds(took),
                fault.split(':').next().unwrap_or_default()
            ),
            took < Duration::from_secs(5),
            || "later than five seconds".to_owned(),
        );
        let waits = message(CITY, PRISON, "notice", "Efter återkallelsen");
        let id = self.world.city.desk.send_message(waits).await?;
        self.world.prison.certify_anew(clock::now())?;
        arrives(&self.world.prison, &id).await?;
        let link = link_with(&self.world.city, PRISON).await?;
        section.holds(
            "with a new certificate it is open again, and what waited has come",
            link.state() == admin::LinkState::Open && link.last_fault.is_empty(),
            || link.last_fault.clone(),
        );
        Ok(())
    }

    async fn given(&self, section: &mut Section) -> Result<(), Broken> {
        let World { city, .. } = &*self.world;
        let mut given = 0;
        let mut token = String::new();
        loop {
            let request = wire::ListDisclosuresRequest {
                context: Some(city.operator.profile().read_context()),
                receiver: PRISON.orgnr.to_owned(),
                page: Some(wire::Page { size: 500, token }),
                ..wire::ListDisclosuresRequest::default()
            };
            let page = city.operator.access.clone().list_disclosures(request).await?.into_inner();
            given += page.disclosures.len();
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        // The request, the notices of the cut, the urgent one, and what waited for a certificate.
        let expected = MISSED + 3;
        section.holds(
            &format!(
                "the city's auditor sees {} messages given to {}, each recorded before it left",
                number(given),
                PRISON.title
            ),
            given == expected,
            || format!("{expected} were sent"),
        );
        Ok(())
    }
}

/// What a domain says of itself, once its own key has signed it.
async fn invited(domain: &Domain) -> Result<Invitation, Broken> {
    let request = admin::CreateInvitationRequest::default();
    let made = domain.operator.links.clone().create_invitation(request).await?.into_inner();
    let signed = SignedInvitation::verify(made.statement, &made.signature)?;
    Ok(signed.invitation().clone())
}

fn short(invitation: &Invitation) -> String {
    let fingerprint = invitation.fingerprint().to_string();
    fingerprint.split(' ').take(3).collect::<Vec<_>>().join(" ") + " …"
}

/// Registers another domain as a peer, signed by the registrar.
async fn accept(domain: &Domain, of: &Invitation) -> Result<(), Broken> {
    let missing = || Broken::Missing("an id");
    let id = DomainId::parse(&of.domain).map_err(|_| missing())?;
    let key = KeyId::parse(&format!("{id}/1")).map_err(|_| missing())?;
    let key = PeerKey { id: key, public_key: hex::encode(of.public_key) };
    let organisations = of
        .organisations
        .iter()
        .map(|(orgnr, name)| PeerOrganisation { orgnr: orgnr.clone(), name: name.clone() });
    let peer = Peer {
        name: of.domain.clone(),
        id,
        federation: FEDERATION.to_owned(),
        endpoints: of.endpoints.clone(),
        authorities: of.authorities.clone(),
        keys: BTreeSet::from([key]),
        organisations: organisations.collect(),
        ceiling: CEILING,
        message_kinds: BTreeSet::from([
            MessageKind::InformationRequest,
            MessageKind::Notice,
            MessageKind::Answer,
        ]),
        envelopes_per_minute: 6_000,
    };
    let change = Change::of(vec![Operation::Put(Record::Peers(peer).into())]);
    let change = change.map_err(|_| Broken::Missing("a change"))?;
    let client: &Client = &domain.registrar;
    let exported = client.export_registry().await?;
    let request = admin::ProposeRegistryChangeRequest {
        context: Some(write_context("registrar")),
        against: Some(exported.base()),
        operations: operations(&change),
        signature: Some(exported.sign(client, &change, Word::Propose, exported.epoch)?),
        reason: "Avtal om informationsutbyte.".to_owned(),
    };
    client.registry.clone().propose_registry_change(request).await?;
    Ok(())
}

async fn linked(domain: &Domain) -> Result<Vec<admin::Link>, Broken> {
    let listed = domain.operator.links.clone().list_links(admin::ListLinksRequest {}).await?;
    Ok(listed.into_inner().links)
}

async fn link_with(domain: &Domain, other: Who) -> Result<admin::Link, Broken> {
    let links = linked(domain).await?;
    links.into_iter().find(|link| link.peer == other.domain).ok_or(Broken::Missing("a link"))
}

async fn is_open(domain: &Domain, other: Who) -> Result<(), Broken> {
    until("a link", async || Ok(link_with(domain, other).await?.state() == admin::LinkState::Open))
        .await
}

async fn is_down(domain: &Domain, other: Who) -> Result<(), Broken> {
    until("the end of a link", async || {
        Ok(link_with(domain, other).await?.state() == admin::LinkState::Unreached)
    })
    .await
}

/// Waits until a message stands in a domain's inbox.
async fn arrives(domain: &Domain, id: &str) -> Result<(), Broken> {
    let since = Instant::now();
    let mut after = 0;
    while since.elapsed() < PATIENCE {
        // It waits there until there is something.
        let entries = domain.desk.inbox(&domain.who.address(), after, 1).await?;
        after = entries.last().map_or(after, |entry| entry.number);
        let heads = entries.into_iter().filter_map(|entry| entry.head);
        if heads.into_iter().any(|head| head.message_id == id) {
            return Ok(());
        }
    }
    Err(Broken::TooLate("a message"))
}

/// The ids in a domain's inbox, in order.
async fn all_of(domain: &Domain) -> Result<Vec<String>, Broken> {
    let mut ids = Vec::new();
    loop {
        let after = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        let entries = domain.desk.inbox(&domain.who.address(), after, 0).await?;
        if entries.is_empty() {
            return Ok(ids);
        }
        let heads = entries.into_iter().filter_map(|entry| entry.head);
        ids.extend(heads.map(|head| head.message_id));
    }
}

fn first_is(inbox: &[String], from: usize, urgent: &str) -> bool {
    // What was numbered before the wire was cut keeps its place; the urgent one comes before all
    // that was not.
    let place = inbox.iter().position(|id| id == urgent);
    place.is_some_and(|place| place >= from && place < inbox.len().saturating_sub(1))
}

/// The steps that a message has reached with one recipient, once it has reached one.
async fn climbs(domain: &Domain, id: &str, with: Who, step: Step) -> Result<Vec<String>, Broken> {
    let ladder = async || -> Result<Vec<String>, Broken> {
        let tracked = domain.desk.track_messages(&domain.who.address(), Some(id)).await?;
        let all = tracked.into_iter().flat_map(|one| one.deliveries);
        let of = |delivery: &wire::MessageDelivery| delivery.to_function.starts_with(with.orgnr);
        let delivery = all.into_iter().find(of).ok_or(Broken::Missing("a delivery"))?;
        let name = |receipt: &wire::MessageReceipt| {
            let name = receipt.step().as_str_name();
            name.trim_start_matches("MESSAGE_STEP_").to_lowercase()
        };
        Ok(delivery.receipts.iter().map(name).collect())
    };
    let reached = async || Ok(ladder().await?.iter().any(|one| one == step.as_str()));
    until("a receipt", reached).await?;
    ladder().await
}

async fn until(
    what: &'static str,
    holds: impl AsyncFn() -> Result<bool, Broken>,
) -> Result<(), Broken> {
    let since = Instant::now();
    while !holds().await? {
        if since.elapsed() > PATIENCE {
            return Err(Broken::TooLate(what));
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

fn says(section: &mut Section, what: &str, refused: &Result<String, Refused>, reason: &str) {
    let said = match refused {
        Ok(_) => "it was taken".to_owned(),
        Err(refused) => refused.reason.map_or("no reason", samsyn_client::Reason::id).to_owned(),
    };
    section.holds(&format!("{what}: `{reason}`"), said == reason, || said.clone());
}

fn labels() -> wire::Labels {
    wire::Labels {
        level: 1,
        purposes: vec![PURPOSE.to_owned()],
        regime: "nonpersonal".to_owned(),
        retain_until: Some(clock::wire(clock::now().after_seconds(365 * 86_400))),
        ..wire::Labels::default()
    }
}

fn message(from: Who, to: Who, kind: &str, subject: &str) -> wire::SendMessageRequest {
    wire::SendMessageRequest {
        context: Some(write_context("")),
        ground: Some(wire::ReadContext {
            purpose: PURPOSE.to_owned(),
            legal_basis: BASIS.to_owned(),
            ..wire::ReadContext::default()
        }),
        from_function: from.address(),
        to_functions: vec![to.address()],
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        labels: Some(labels()),
        ..wire::SendMessageRequest::default()
    }
}
