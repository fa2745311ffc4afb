//! A stream brings each revision of its view once and in order, whatever nodes it was at; in the
//! end it has come to the last, holds what one that begins then is shown, and has had the very
//! events that one has that begins where it began.

use super::observed::Observed;

pub(super) fn holds(observed: &Observed) -> Result<(), String> {
    if let Some(why) = observed.surprises.first() {
        return Err(why.clone());
    }
    for (stream, again) in &observed.compared {
        let whose = format!("{} of {:?}", stream.card, stream.reads);
        for stream in [stream, again] {
            if let Some(wrong) = &stream.wrong {
                return Err(format!("{whose}, {wrong}"));
            }
        }
        let fresh = &observed.fresh[&stream.reads];
        let (last, revision) = (fresh.revision(), stream.revision());
        if revision.is_none() || revision != last {
            return Err(format!("{whose} is at {revision:?}, and its view at {last:?}"));
        }
        let mut pairs = stream.got.iter().zip(&again.got).enumerate();
        if let Some((place, (had, has))) = pairs.find(|(_, (had, has))| had != has) {
            return Err(format!("{whose} had as event {place} {had:?}, which is {has:?} now"));
        }
        let (had, has) = (stream.got.len(), again.got.len());
        if had != has {
            return Err(format!("{whose} had {had} events, which are {has} now"));
        }
        let differs = stream.held.iter().find(|(at, held)| fresh.held.get(*at) != Some(*held));
        if let Some((at, held)) = differs {
            let shown = fresh.held.get(at);
            return Err(format!("{whose} holds at {at:?} {held}, where {shown:?} is shown"));
        }
        if let Some(at) = fresh.held.keys().find(|at| !stream.held.contains_key(*at)) {
            return Err(format!("{whose} does not hold what is shown at {at:?}"));
        }
    }
    Ok(())
}
