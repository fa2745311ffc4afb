//! To whom a message goes.

use samsyn_domain::{
    GroupId,
    registry::{Group, Registry},
};

use super::{fixture, requests};
use crate::{Reason, inbound::SendAsked, v1};

/// A function, and the field that names it.
type To = (String, String);

/// Three functions are the local group, one of them the sender's.
fn registry() -> Registry {
    let mut document = fixture::document();
    let functions = ["2120000142/larmcentral", "2021000076/kommunpolis", "2021000225/frivard"];
    let parse = |id: &str| samsyn_domain::FunctionId::parse(id).unwrap();
    let group = |id: &str, functions: &[&str]| Group {
        id: GroupId::parse(id).unwrap(),
        name: id.to_owned(),
        members: [].into(),
        functions: functions.iter().map(|id| parse(id)).collect(),
    };
    document.groups = vec![
        group("lokal", &functions),
        group("jag", &functions[..1]),
        group("ingen", &[]),
        group(
            "alla",
            &(0..16)
                .map(|n| format!("2021000076/f{n}"))
                .collect::<Vec<_>>()
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        ),
    ];
    Registry::build(&document).unwrap()
}

fn asked(functions: &[&str], groups: &[&str]) -> Result<Vec<To>, Vec<(Reason, String)>> {
    let named = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    let (to_functions, to_groups) = (named(functions), named(groups));
    let request = v1::SendMessageRequest { to_functions, to_groups, ..requests::send() };
    let checked = SendAsked::parse(request, &registry(), fixture::NOW);
    let faults = checked.faults.iter().map(|fault| (fault.reason, fault.field.clone()));
    let to = |asked: SendAsked| asked.to.into_iter().map(|(to, field)| (to.to_string(), field));
    checked.value.map(|asked| to(asked).collect()).ok_or_else(|| faults.collect())
}

#[test]
fn a_group_stands_for_its_functions_but_for_the_sending_one_each_once() {
    let to = |functions, groups| {
        let to = asked(functions, groups).unwrap();
        to.into_iter().map(|(to, field)| format!("{to} by {field}")).collect::<Vec<_>>()
    };
    assert_eq!(
        to(&[], &["lokal"]),
        ["2021000076/kommunpolis by to_groups[0]", "2021000225/frivard by to_groups[0]",]
    );
    assert_eq!(
        to(&["2021000225/frivard", "2321000016/region"], &["lokal", "lokal"]),
        [
            "2021000225/frivard by to_functions[0]",
            "2321000016/region by to_functions[1]",
            "2021000076/kommunpolis by to_groups[0]",
        ]
    );
}

#[test]
fn who_is_nobody_or_too_many_is_refused_by_the_field_that_names_it() {
    let unknown = |place: usize| vec![(Reason::UnknownAddress, format!("to_groups[{place}]"))];
    assert_eq!(asked(&[], &["lokal", "okand"]).unwrap_err(), unknown(1));
    assert_eq!(asked(&[], &["ingen"]).unwrap_err(), unknown(0));
    assert_eq!(asked(&[], &["jag"]).unwrap_err(), unknown(0));
    assert_eq!(asked(&[], &[]).unwrap_err(), [(Reason::MissingField, "to_functions".to_owned())]);
    assert_eq!(asked(&[], &["alla"]).unwrap().len(), 16);
    let more = asked(&["2021000225/frivard"], &["alla"]).unwrap_err();
    assert_eq!(more, [(Reason::TooLarge, "to_groups".to_owned())]);
}
