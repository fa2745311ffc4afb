//! 8: a partner asks for what it has no right to, and is told why.

use samsyn_client::{Refused, wire};

use super::{AREA, Broken, INSURANCE_AGENCY, Story, calls};
use crate::demo::print::Section;

const WANTED: &str = "criminal_milieus";

pub(super) async fn tell(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    let client = story.client(INSURANCE_AGENCY).await?;
    let scope = wire::Scope {
        areas: vec![AREA.to_owned()],
        priorities: vec![WANTED.to_owned()],
        period_kinds: Vec::new(),
    };
    let request = wire::WatchEventsRequest {
        context: calls::reads(&client),
        scope: Some(scope.clone()),
        cursor: String::new(),
    };
    let streamed = client.joint.clone().watch_events(request).await;
    match streamed.map_err(Refused::from) {
        Ok(_) => section.check("a stream of criminal milieus is refused", Err("it opened".into())),
        Err(refused) => {
            let reason = refused.reason.map_or("", |reason| reason.id());
            let code = refused.reason.map_or("", |reason| reason.code().name());
            section.holds(
                &format!("{code} · {reason} · rule {}", refused.rule),
                (code, reason, refused.rule.as_str())
                    == ("PERMISSION_DENIED", "NO_RELEASE_ROW", "POL-12"),
                || refused.to_string(),
            );
        }
    }
    let request = wire::ExplainAccessRequest {
        context: calls::reads(&client),
        scope: Some(scope),
        field_group: "place".to_owned(),
    };
    let why = client.access.clone().explain_access(request).await?.into_inner();
    section.say(&format!("sv  {}", why.text_sv));
    section.say(&format!("en  {}", why.text_en));
    section.say(&format!("to change it: {}", why.remedy));
    let explained = [&why.text_sv, &why.text_en, &why.remedy].iter().all(|text| !text.is_empty());
    section.holds(
        "asked why, the gateway says the same, in two languages and with what would change it",
        !why.allowed && why.reason == "NO_RELEASE_ROW" && explained,
        || format!("allowed: {}, reason `{}`", why.allowed, why.reason),
    );
    Ok(())
}
