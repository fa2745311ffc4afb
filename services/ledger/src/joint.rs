//! Joint pictures: those that are made here, and those that another domain delivers.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{Caller, State};
use samsyn_policy::{
    At, ComparedView, Denial, Egress, Explanation, JointView, Reader, ReceivedView, Scope, Shared,
    View, Why,
};
use samsyn_proto::inbound::{CompareAsked, ExplainAsked, JointAsked};

use crate::{Ledger, Rejection, reach::REACH_MAX};

/// A joint picture.
#[derive(Debug)]
pub enum Joint {
    /// It is made here.
    Here(View<Arc<Shared<JointView>>>),
    /// Another domain delivers it.
    Received(View<ReceivedView>),
}

impl Joint {
    /// What further pages are of: the revision of the view, or of what is delivered the number of
    /// its last change.
    #[must_use]
    pub fn paged(&self) -> u64 {
        match self {
            Self::Here(view) => view.content().revision,
            Self::Received(view) => view.content().number,
        }
    }
}

impl Ledger {
    /// The reader's view of the joint picture of an area and a period, and the cursor from where
    /// its stream goes on.
    ///
    /// # Errors
    /// When no right of the reader reaches it.
    pub async fn joint(
        &self,
        caller: &Caller,
        reader: &Reader,
        asked: &JointAsked,
    ) -> Result<(Joint, String), Rejection> {
        let scope = Scope {
            areas: BTreeSet::from([asked.area.clone()]),
            periods: BTreeSet::from([asked.period.kind()]),
            priorities: BTreeSet::new(),
        };
        let policy = &self.inner.policy;
        if let Some(received) = self.read(|state| policy.received(state, reader, &asked.area))? {
            // Of others there is nothing live, and nothing to follow.
            if !received.receiver.periods.contains(&asked.period.kind()) {
                return Err(Denial::of(Why::NoReleaseRow).by("POL-58").at("period").into());
            }
            return self.delivered(caller, reader, (asked, scope)).await;
        }
        self.decide(reader, std::slice::from_ref(&asked.area), true).await?;
        let cursor = match self.subscribe(caller, reader.ground().clone(), scope, "").await {
            Ok(mut feed) => feed.after_snapshot()?,
            Err(Rejection::Denied(_)) => String::new(),
            Err(rejection) => return Err(rejection),
        };
        self.reach_view(reader, asked).await?;
        let project = |egress: &Egress<'_>| {
            Ok(egress.joint_valid_at(&asked.area, asked.period, asked.at, asked.valid_at)?)
        };
        Ok((Joint::Here(self.show(reader, project).await?), cursor))
    }

    /// The joint picture of an area as another domain delivers it, and the cursor from where its
    /// stream goes on.
    async fn delivered(
        &self,
        caller: &Caller,
        reader: &Reader,
        (asked, scope): (&JointAsked, Scope),
    ) -> Result<(Joint, String), Rejection> {
        // What held at a moment is not known of findings that were merged elsewhere.
        if asked.valid_at.is_some() {
            return Err(Denial::of(Why::HomeElsewhere).by("POL-58").at("valid_at").into());
        }
        let policy = &self.inner.policy;
        let project = |egress: &Egress<'_>| {
            let received = policy.received(egress.state(), egress.reader(), &asked.area)?;
            let gone = || Denial::of(Why::HomeElsewhere).by("POL-56").at("area");
            let received = received.ok_or_else(gone)?;
            let page_of = match asked.at {
                At::Revision(number) if !asked.page.token.is_empty() => Some(number),
                At::Newest | At::Revision(_) | At::Recorded(_) => None,
            };
            Ok(egress.received(&received, &asked.area, (asked.period, asked.at), page_of)?)
        };
        // Opened before it is read: what comes meanwhile comes again, and nothing is missed.
        let mut feed = self.subscribe(caller, reader.ground().clone(), scope, "").await?;
        let cursor = feed.after_snapshot()?;
        let is_there = |state: &State| {
            let received = policy.received(state, reader, &asked.area);
            let of = received.ok().flatten().map(|received| received.of.clone());
            let revision = of.map(|of| state.deliveries().revision(&of, &asked.area));
            revision.is_none_or(|revision| revision >= asked.min_revision)
        };
        self.reached("min_revision", is_there).await?;
        Ok((Joint::Received(self.show(reader, project).await?), cursor))
    }

    /// What is different between two revisions of the reader's view.
    ///
    /// # Errors
    /// When no right of the reader reaches it, or a revision does not exist.
    pub async fn compare(
        &self,
        reader: &Reader,
        asked: &CompareAsked,
    ) -> Result<View<ComparedView>, Rejection> {
        self.decide(reader, std::slice::from_ref(&asked.area), true).await?;
        let project = |egress: &Egress<'_>| {
            Ok(egress.compare(&asked.area, asked.period, (asked.from, asked.to))?)
        };
        self.show(reader, project).await
    }

    /// Waits, bounded, until a view has reached the revision that is asked for.
    async fn reach_view(&self, reader: &Reader, asked: &JointAsked) -> Result<(), Rejection> {
        let reached = || {
            self.read(|state| {
                let egress = Egress::new(state, &*self.inner.keys, reader);
                egress.view_reached(&asked.area) >= asked.min_revision
            })
        };
        let mut events = self.events();
        let waiting = async {
            while !reached() {
                // Whatever happened, it is looked at anew.
                let _ = events.recv().await;
                self.advance(reader).await?;
            }
            Ok(())
        };
        tokio::time::timeout(REACH_MAX, waiting)
            .await
            .unwrap_or(Err(Rejection::NotReached { field: "min_revision" }))
    }

    /// For every joint value of a finding, the rule and the contributions that gave it.
    ///
    /// # Errors
    /// When the reader sees no such finding.
    pub async fn explain(
        &self,
        reader: &Reader,
        asked: &ExplainAsked,
    ) -> Result<View<Explanation>, Rejection> {
        self.decide(reader, std::slice::from_ref(&asked.area), true).await?;
        let project = |egress: &Egress<'_>| {
            Ok(egress.explain(&asked.area, &asked.finding, asked.period, asked.at)?)
        };
        self.show(reader, project).await
    }
}
