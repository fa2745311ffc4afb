//! Files of other systems, and those that say how to read them: whatever an import lets through,
//! the interface takes. The first byte says which kind of file.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use samsyn::fuzzing::Importers;
use samsyn_domain::{AreaId, Timestamp, registry::Registry};
use samsyn_proto::{
    inbound,
    v1::{self, publish_picture_request::Change},
};

static IMPORTERS: LazyLock<Importers> =
    LazyLock::new(|| Importers::shipped().expect("what is shipped holds"));
static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let text = include_str!("../../../config/registry/stockholm-demo.toml");
    Registry::build(&toml::from_str(text).expect("the sample reads")).expect("the sample holds")
});

/// At the time of what was observed, the interface refuses nothing of it. How long it may be kept
/// is added when it is sent.
fn taken(area: &AreaId, mut observation: v1::Observation) {
    let start = observation.starts_at.expect("a time");
    let now = Timestamp::from_micros(start.seconds.saturating_mul(1_000_000));
    let labels = observation.labels.as_mut().expect("labels");
    labels.retain_until = Some(prost_types::Timestamp { seconds: start.seconds + 60, nanos: 0 });
    let delta = v1::PictureDelta { upserts: vec![observation], ..v1::PictureDelta::default() };
    let publication = v1::PublishPictureRequest {
        party: "sthlm-trafikkontoret".into(),
        area: area.to_string(),
        change: Some(Change::Delta(delta)),
        ..v1::PublishPictureRequest::default()
    };
    let request = v1::ValidatePictureRequest { publication: Some(publication) };
    let faults = inbound::trial(request, &REGISTRY, now).faults;
    let refused: Vec<_> = faults.iter().filter(|fault| !fault.warning).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

fuzz_target!(|data: &[u8]| {
    let Some((which, file)) = data.split_first() else { return };
    let through = match which % 9 {
        0 => IMPORTERS.csv(file),
        1 => IMPORTERS.old_csv(file),
        2 => IMPORTERS.geojson(file),
        3 => IMPORTERS.open311(file),
        4 => IMPORTERS.notices(file),
        5 => IMPORTERS.mapping(file),
        6 => IMPORTERS.types(file),
        7 => IMPORTERS.workbook(file),
        _ => IMPORTERS.parts(file),
    };
    for (area, observation) in through {
        taken(&area, observation);
    }
});
