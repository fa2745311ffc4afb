//! What the domains do, section by section; each acts through its own gateway alone.

use std::{
    collections::BTreeSet,
    fmt,
    time::{Duration, Instant},
};

use samsyn_client::{admin, wire};
use samsyn_domain::{link::Invitation, message::Step};

use super::{
    World,
    acts::{
        Broken, accept, all_of, arrives, climbs, first_is, invited, is_down, is_open, labels,
        link_with, linked, message, opens, says, short,
    },
    domains::{CITY, POLICE, PRISON, REGION},
    edition, pictures, views,
};
use crate::demo::{
    clock,
    print::{Checks, Section, cell, number, rule, tell},
};

/// How many notices wait while the wire is cut.
const MISSED: usize = 1_000;
/// What goes along with the request.
const LIST: &[u8] = "vecka;händelser\n2025-W39;4\n2025-W40;7\n".as_bytes();

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
        let mut section = Section::new(4, "One joint picture of two domains' own pictures");
        let World { city, police, .. } = &*self.world;
        let told = pictures::tell(&mut section, city, police).await;
        self.end(section, told);
        let mut section = Section::new(5, "The joint picture comes back, to each its part");
        let World { city, police, prison, .. } = &*self.world;
        let told = views::tell(&mut section, city, police, prison).await;
        self.end(section, told);
        let mut section = Section::new(6, "One edition, endorsed from two domains");
        let World { city, police, prison, .. } = &*self.world;
        let told = edition::tell(&mut section, city, police, prison).await;
        self.end(section, told);
        let mut section = Section::new(7, "A wire is cut; both sides go on, and catch up");
        let told = self.cut(&mut section).await;
        self.end(section, told);
        let mut section = Section::new(8, "What does not cross");
        let told = self.refused(&mut section).await;
        self.end(section, told);
        let mut section = Section::new(9, "A certificate is revoked, and its link closes");
        let told = self.revoked(&mut section).await;
        self.end(section, told);
        let mut section = Section::new(10, "Who was given what");
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
        let list = city.desk.upload_attachment(&CITY.address(), "veckor.csv", LIST).await?;
        let asked = wire::SendMessageRequest {
            to_functions: vec![PRISON.address(), POLICE.address()],
            attachments: vec![list.attachment],
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
        let (by_prison, by_police) = (opens(prison, &id).await?, opens(police, &id).await?);
        section.holds(
            "the list that goes along is in both of their domains, byte for byte",
            by_prison == LIST && by_police == LIST,
            || format!("{} and {} bytes", by_prison.len(), by_police.len()),
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
