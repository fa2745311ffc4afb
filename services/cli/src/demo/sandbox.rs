//! A city that lives on: every few seconds one of its parties publishes something new, and takes
//! back what has become old. A client of streams or polling has something to do here.

use std::collections::{BTreeMap, VecDeque};

use samsyn_client::{BadProfile, Client, ConnectError, Reason, Refused, wire, write_context};
use samsyn_domain::{AreaId, PartyId};
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    Sandbox,
    print::{cell, rule, spread, tell},
    stage::Stage,
};
use crate::world::{self, News};

/// The district whose parties publish.
const AREA: &str = "sthlm-skarholmen";
/// So much news stands at a time; then the oldest is withdrawn.
const STANDING_MAX: usize = 40;
/// How often a publication is made anew when another was faster.
const TRIES_MAX: usize = 3;

/// Why the city does not come to life.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The area.
    #[error("`{AREA}` is not registered; restore `config/demo` as released")]
    NoArea,
    /// The gateway refused what is there from the beginning.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A profile.
    #[error(transparent)]
    Profile(#[from] BadProfile),
}

/// Publishes news until its time is over.
///
/// # Errors
/// When the city cannot be filled. What is refused later is told, and it goes on.
pub(super) async fn live(stage: &Stage, args: &Sandbox) -> Result<(), Error> {
    let area = AreaId::parse(AREA).map_err(|_| Error::NoArea)?;
    let mut city = City::of(stage, &area);
    if !args.story {
        city.fill().await?;
    }
    invite(stage, args);
    let living = city.goes_on(args);
    match args.length {
        // That its time is over is its end.
        Some(length) => timeout(length, living).await.unwrap_or(Ok(())),
        None => living.await,
    }
}

/// The parties of the area, and what they have said here.
struct City<'a> {
    stage: &'a Stage,
    area: &'a AreaId,
    clients: BTreeMap<PartyId, Client>,
    /// The newest version of each own picture, as far as it is known.
    versions: BTreeMap<PartyId, u64>,
    standing: VecDeque<(PartyId, String)>,
}

impl<'a> City<'a> {
    const fn of(stage: &'a Stage, area: &'a AreaId) -> Self {
        Self {
            stage,
            area,
            clients: BTreeMap::new(),
            versions: BTreeMap::new(),
            standing: VecDeque::new(),
        }
    }

    /// The own pictures of the area with which the demo begins.
    async fn fill(&mut self) -> Result<(), Error> {
        let weeks = world::demo_weeks();
        for publication in world::publications(self.stage.seed(), &weeks, world::RNG) {
            if publication.area == *self.area {
                let period = wire::Period { code: publication.period.to_string() };
                let full = wire::FullPicture {
                    period: Some(period),
                    observations: publication.observations,
                    ..wire::FullPicture::default()
                };
                let change = wire::publish_picture_request::Change::Full(full);
                self.publish(&publication.party, change).await?;
            }
        }
        Ok(())
    }

    async fn goes_on(&mut self, args: &Sandbox) -> Result<(), Error> {
        let mut at = Instant::now();
        for news in world::news(self.stage.seed(), self.area, args.seed) {
            at += args.every;
            sleep_until(at).await;
            let said = told(&news);
            match self.says(news).await {
                Ok(()) => tell(&said),
                // Whoever tries things out may have shut the party out, or left its rights.
                Err(Error::Refused(refused)) => tell(&format!("{said}   not taken: {refused}\n")),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// A party says something new, and takes back what it has said long ago.
    async fn says(&mut self, news: News) -> Result<(), Error> {
        let News { party, observation } = news;
        let id = observation.id.clone();
        self.change(&party, vec![observation], Vec::new()).await?;
        self.standing.push_back((party, id));
        if self.standing.len() > STANDING_MAX
            && let Some((party, id)) = self.standing.pop_front()
        {
            self.change(&party, Vec::new(), vec![id]).await?;
        }
        Ok(())
    }

    async fn change(
        &mut self,
        party: &PartyId,
        upserts: Vec<wire::Observation>,
        withdrawn_ids: Vec<String>,
    ) -> Result<(), Error> {
        let delta = wire::PictureDelta { upserts, withdrawn_ids, ..wire::PictureDelta::default() };
        self.publish(party, wire::publish_picture_request::Change::Delta(delta)).await
    }

    /// Publishes on the newest version: whoever tries things out may publish as well.
    async fn publish(
        &mut self,
        party: &PartyId,
        change: wire::publish_picture_request::Change,
    ) -> Result<(), Error> {
        let client = self.client(party).await?;
        let mut tries = 1;
        loop {
            let request = wire::PublishPictureRequest {
                context: Some(write_context("publisher")),
                party: party.to_string(),
                area: self.area.to_string(),
                base_version: self.versions.get(party).copied().unwrap_or(0),
                manifest: None,
                change: Some(change.clone()),
            };
            let version = match client.publish(request).await {
                Ok(answer) => answer.version,
                Err(refused)
                    if refused.reason == Some(Reason::VersionConflict) && tries < TRIES_MAX =>
                {
                    tries += 1;
                    self.versions.insert(party.clone(), refused.current);
                    continue;
                }
                Err(refused) => return Err(refused.into()),
            };
            self.versions.insert(party.clone(), version);
            return Ok(());
        }
    }

    async fn client(&mut self, party: &PartyId) -> Result<Client, Error> {
        if let Some(client) = self.clients.get(party) {
            return Ok(client.clone());
        }
        let client = Client::connect(&self.stage.profile(party.as_str())?).await?;
        self.clients.insert(party.clone(), client.clone());
        Ok(client)
    }
}

/// Who says what of where.
fn told(news: &News) -> String {
    use wire::observation::Location;
    let News { party, observation } = news;
    let place = match &observation.location {
        Some(Location::PlaceId(id) | Location::SubAreaId(id) | Location::AreaId(id)) => id.as_str(),
        Some(Location::Coordinates(_)) | None => "",
    };
    format!("   {} {} {place}\n", cell(party.as_str(), 30), cell(&observation.category, 28))
}

/// Where each kind of partner finds its profile, and what it gets.
fn invite(stage: &Stage, args: &Sandbox) {
    let seconds = args.every.as_secs();
    let mut text = format!(
        "{}\n {}\n Something new every {seconds} s, from seed {}; Ctrl-C stops and removes \
         everything.\n A profile for each kind of partner:\n",
        rule(),
        stage.seed().banner(),
        args.seed,
    );
    for partner in stage.seed().partners() {
        let mut rows = stage.registry().release_rows();
        let live = rows.any(|row| row.receiver == partner.id && row.live);
        let folder = stage.dir().join("profiles").join(partner.id.as_str());
        let gets = if live { "stream, polling, editions" } else { "editions alone" };
        text.push_str(&format!("{}\n", spread(&format!("   {}", folder.display()), gets)));
        text.push_str(&format!("     {}\n", partner.en));
    }
    text.push_str(&format!(
        " Parties have theirs beside them. What they publish from now on, all of {AREA}:\n"
    ));
    tell(&text);
}
