//! What happens in the demo city, before anyone has seen it.
//!
//! Events of one category in one sub-area and week are Poisson distributed about: weekly rate ×
//! population ÷ number of sub-areas × weight of the sub-area × month × stories.

use jiff::civil::DateTime;
use samsyn_domain::Level;

use super::{
    calendar::Week,
    dice::Dice,
    seed::{Area, Category, Place, Profile, Seed, SubArea},
};

/// Where and of which category events happen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell<'a> {
    pub(super) seed: &'a Seed,
    pub(super) area: &'a Area,
    pub(super) sub_area: &'a SubArea,
    pub(super) category: &'a Category,
    /// The number from which all is drawn.
    pub(super) rng: u64,
}

/// An event.
#[derive(Debug)]
pub(super) struct Event<'a> {
    /// Names it in the streams of chance.
    pub(super) name: String,
    /// When, in Europe/Stockholm.
    pub(super) starts: DateTime,
    /// At which place, when its category is that fine.
    pub(super) place: Option<&'a Place>,
    /// How severe it is, 1–5: what those who see it grade, give or take one.
    pub(super) severity: u32,
}

/// Every cell of the city.
pub(super) fn cells(seed: &Seed, rng: u64) -> impl Iterator<Item = Cell<'_>> {
    let sub_areas =
        seed.areas.iter().flat_map(|area| area.sub_areas.iter().map(move |sub| (area, sub)));
    sub_areas.flat_map(move |(area, sub_area)| {
        let cell = move |category| Cell { seed, area, sub_area, category, rng };
        seed.categories.iter().map(cell)
    })
}

impl<'a> Cell<'a> {
    /// How many events a week has.
    pub(super) fn count(&self, week: Week) -> u32 {
        let mut dice = Dice::named(self.rng, &self.name(week));
        self.profile().map_or(0, |profile| dice.poisson(self.mean(week, profile)))
    }

    /// The events of a week.
    pub(super) fn events(&self, week: Week) -> Vec<Event<'a>> {
        (0..self.count(week)).filter_map(|number| self.event(week, number)).collect()
    }

    fn event(&self, week: Week, number: u32) -> Option<Event<'a>> {
        let name = format!("{}/{number}", self.name(week));
        let mut dice = Dice::named(self.rng, &name);
        let starts = time_of(week, self.profile()?, &mut dice)?;
        let fine = self.category.registered.geography == Level::Place;
        let place = if fine { dice.pick(&self.sub_area.places) } else { None };
        let severity = self.severity(place);
        Some(Event { name, starts, place, severity })
    }

    /// Mean number of events in a week, in millionths.
    fn mean(&self, week: Week, profile: &Profile) -> u64 {
        let weight = self.sub_area.weights_percent.get(&self.category.group).map_or(100, |w| *w);
        let month = profile.month_jan_dec.get(week.month().saturating_sub(1)).map_or(100, |m| *m);
        let parts = u64::try_from(self.area.sub_areas.len()).unwrap_or(1);
        let rate = self.category.weekly_per_million.saturating_mul(self.area.population);
        [weight, u64::from(month), self.stories_percent(week), self.seed.sampled_percent]
            .into_iter()
            .fold(rate.checked_div(parts).unwrap_or(0), |mean, percent| {
                mean.saturating_mul(percent) / 100
            })
    }

    fn stories_percent(&self, week: Week) -> u64 {
        let told = self.seed.factors.iter().filter(|factor| {
            factor.sub_area == self.sub_area.id
                && factor.categories.contains(&self.category.registered.id)
                && !week.is_before(factor.from.0)
                && factor.until.is_none_or(|end| week.is_before(end.0))
        });
        told.fold(100, |all, factor| all.saturating_mul(factor.percent) / 100)
    }

    /// What is found at one spot is equally severe for some time: the category's own severity, at
    /// some spots one more or one less.
    fn severity(&self, place: Option<&Place>) -> u32 {
        let spot = place.map_or(self.sub_area.id.as_str(), |place| place.id.as_str());
        let name = format!("severity/{spot}/{}", self.category.registered.id);
        let own = self.category.severity;
        let severity = match Dice::named(self.rng, &name).weighted(&[60, 20, 20]) {
            1 => own.saturating_add(1),
            2 => own.saturating_sub(1),
            _ => own,
        };
        severity.clamp(1, 5)
    }

    fn profile(&self) -> Option<&'a Profile> {
        self.seed.profiles.get(&self.category.profile)
    }

    fn name(&self, week: Week) -> String {
        format!("{}/{}/{}", week.period(), self.sub_area.id, self.category.registered.id)
    }
}

fn time_of(week: Week, profile: &Profile, dice: &mut Dice) -> Option<DateTime> {
    let day = dice.weighted(&profile.weekday_mon_sun);
    let quarter = u32::try_from(dice.weighted(&profile.hour4_from_00)).ok()?;
    let hour = quarter.saturating_mul(4).saturating_add(dice.below(4));
    let minute = dice.below(12).saturating_mul(5);
    week.at(day, i8::try_from(hour).ok()?, i8::try_from(minute).ok()?)
}
