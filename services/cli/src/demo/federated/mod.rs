//! `samsyn demo --federated`: four domains on this machine, each with its own root of trust,
//! registry and folder, linked with each other; told from the first invitation to a certificate
//! that was revoked.

mod acts;
mod area;
mod domains;
mod edition;
mod pictures;
mod story;
mod views;
mod wire;

use std::{path::PathBuf, time::Instant};

use samsyn_domain::Timestamp;

pub(super) use self::domains::Error;

use self::{
    domains::{CITY, Domain, POLICE, PRISON, REGION, Who, free, list_of},
    story::Story,
    wire::Wire,
};
use super::{
    clock, memory,
    print::{Checks, rule, seconds, tell},
};

/// All domains, the wire that will be cut, and the folder that goes with them.
struct World {
    city: Domain,
    police: Domain,
    region: Domain,
    prison: Domain,
    /// From the city to the prison service.
    wire: Wire,
    folder: tempfile::TempDir,
}

impl World {
    async fn found(now: Timestamp) -> Result<Self, Error> {
        let folder = tempfile::Builder::new().prefix("samsyn-demo-").tempdir();
        let folder = folder.map_err(|why| Error::Write { path: std::env::temp_dir(), why })?;
        let prison_links = free().await?;
        let wire = Wire::to(prison_links).await.map_err(Error::Listen)?;
        let all = [CITY, POLICE, REGION, PRISON];
        // Each looks at the others' lists of what is revoked.
        let lists = |own: Who| -> Vec<PathBuf> {
            let others = all.into_iter().filter(|who| who.domain != own.domain);
            others.map(|who| list_of(folder.path(), who)).collect()
        };
        // Their files are there before the first is founded, which names them.
        let [city, police, region, prison] =
            all.map(|who| domains::empty_list(folder.path(), who, now));
        let found = async |who: Who, at, authority| {
            Box::pin(Domain::found(who, folder.path(), at, (authority, &lists(who)), now)).await
        };
        let alone = async || free().await.map(|at| (at, at));
        Ok(Self {
            city: found(CITY, alone().await?, city?).await?,
            police: found(POLICE, alone().await?, police?).await?,
            region: found(REGION, alone().await?, region?).await?,
            prison: found(PRISON, (prison_links, wire.at()), prison?).await?,
            wire,
            folder,
        })
    }

    async fn stop(self) -> Result<(), Error> {
        for domain in [self.city, self.police, self.region, self.prison] {
            domain.stop().await?;
        }
        let path = self.folder.path().to_owned();
        self.folder.close().map_err(|why| Error::Write { path, why })
    }
}

/// Tells the story; then it is served on, or not.
///
/// # Errors
/// When a domain cannot be set up, or fails.
pub(super) async fn run(once: bool, stopped: impl Future<Output = ()>) -> Result<Checks, Error> {
    let started = Instant::now();
    let mut world = Box::pin(World::found(clock::now())).await?;
    let mut stopped = std::pin::pin!(stopped);
    let told = tokio::select! {
        checks = Box::pin(Story::new(&mut world).tell()) => Some(checks),
        () = &mut stopped => None,
    };
    let checks = told.unwrap_or_else(Checks::interrupted);
    if told.is_some() {
        summary(checks, &world, started);
    }
    if told.is_some() && !once {
        invitation(&world);
        stopped.await;
    }
    Box::pin(world.stop()).await?;
    tell(" Stopped; everything is removed.\n");
    Ok(checks)
}

fn summary(checks: Checks, world: &World, started: Instant) {
    let mut parts = vec![checks.to_string(), seconds(started.elapsed())];
    parts.extend(memory::peak_mebibytes().map(|peak| format!("peak {peak} MiB")));
    parts.push(format!("in {}", world.folder.path().display()));
    tell(&format!("{}\n {}\n", rule(), parts.join(" · ")));
}

/// What to try, with the program as it was called.
fn invitation(world: &World) {
    let program = std::env::args().next().unwrap_or_else(|| "samsyn".to_owned());
    let profiles = |domain: &Domain| domain.dir().join("profiles").display().to_string();
    tell(&format!(
        " Still serving; Ctrl-C stops and removes everything. In another terminal:\n   \
         {program} link status --profiles {} --as drift\n   \
         {program} message inbox --profiles {} --as handlaggning\n",
        profiles(&world.city),
        profiles(&world.prison),
    ));
}
