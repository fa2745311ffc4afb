use super::*;
use crate::import::sample;

fn placed(text: &str) -> String {
    match sample::gazetteer().in_text(text) {
        Ok(geography) => geography.id().to_owned(),
        Err(why) => why.to_string(),
    }
}

#[test]
fn a_text_is_placed_by_the_names_in_it() {
    for (text, id) in [
        ("Brand i Rinkeby.", "sthlm-jarva/rinkeby"),
        ("Rån på Rinkeby torg.", "sthlm-jarva/rinkeby/p1"),
        ("Rån på Rinkebytorget.", "sthlm-jarva/rinkeby/p1"),
        ("Bråk vid Rinkebys torg.", "sthlm-jarva/rinkeby/p1"),
        ("Bråk vid Rinkebyskolan.", "sthlm-jarva/rinkeby"),
        ("Rinkebys äldsta butik rånad.", "sthlm-jarva/rinkeby"),
        ("Stöld i Kista Galleria.", "sthlm-jarva/kista/p1"),
        ("Stöld i Kistagallerian.", "sthlm-jarva/kista/p1"),
        ("Stöld vid Kista t-bana.", "sthlm-jarva/kista/p2"),
        ("Mässa på Kistamässan.", "sthlm-jarva/kista"),
        ("Man rånad i Skärholmen.", "sthlm-skarholmen/skarholmen-centrum"),
        ("Man rånad i Skärholmens centrum.", "sthlm-skarholmen/skarholmen-centrum"),
        ("Man rånad i Skärholmen centrum.", "sthlm-skarholmen/skarholmen-centrum"),
        ("Man rånad på Skärholmens torg.", "sthlm-skarholmen/skarholmen-centrum/p1"),
        ("Bredängs torg utrymt.", "sthlm-skarholmen/bredang/p1"),
        ("Klotter på Hökarängsskolan.", "sthlm-farsta/hokarangen"),
        ("Blottare vid Frescati.", "sthlm-norra-innerstaden"),
        ("Bråk vid T-Centralen.", "sthlm-norra-innerstaden/klara"),
        ("Bråk på SERGELS TORG.", "sthlm-norra-innerstaden/klara/p1"),
        ("Bråk i Hässelby-Vällingby.", "sthlm-hasselby-vallingby"),
        ("Bråk i Hässelby.", "sthlm-hasselby-vallingby"),
        ("Bråk i Hässelby Gård.", "sthlm-hasselby-vallingby/hasselby-gard"),
        ("Bråk i A\u{30a}keslund.", "sthlm-bromma/brommaplan"),
        ("Bråk på Kungsholmen.", "sthlm-kungsholmen"),
        ("Larm från Bredäng.", "sthlm-skarholmen/bredang"),
        ("Bråk i Farsta.", "sthlm-farsta/farsta-centrum"),
    ] {
        assert_eq!(placed(text), id, "{text}");
    }
}

#[test]
fn what_only_looks_like_a_name_places_nothing() {
    for text in [
        "",
        "Slagsmål på tunnelbanetåg.",
        "En kista hittades i skogen.",
        "Olycka på Farstavägen.",
        "Tåg mot Rinkeby stoppat.",
        "Insats i centrala Stockholm.",
        "En man kom in till Södermalms polisstation.",
        "Kistan var tom.",
        "Bron vid Slussenrondellens avfart.",
    ] {
        assert_eq!(sample::gazetteer().in_text(text), Err(NotPlaced::NoName), "{text}");
    }
}

#[test]
fn several_names_meet_in_what_holds_them_all() {
    for (text, id) in [
        ("Brand i Blackeberg, Bromma.", "sthlm-bromma/blackeberg"),
        ("Bråk vid Kista galleria i Kista, Järva.", "sthlm-jarva/kista/p1"),
        ("Bråk i Rinkeby och Tensta.", "sthlm-jarva"),
        ("Bråk i Kista, Tensta och Kista.", "sthlm-jarva"),
        ("Bråk vid Kista galleria och Kista tunnelbanestation.", "sthlm-jarva/kista"),
        ("Bråk vid Järntorget i Bredäng.", "sthlm-skarholmen/bredang/p2"),
    ] {
        assert_eq!(placed(text), id, "{text}");
    }
}

#[test]
fn what_may_be_in_different_areas_is_not_placed() {
    for (text, names) in [
        ("Mellan Fridhemsplan och T-centralen.", "`Fridhemsplan`, `T-centralen`"),
        ("Bråk vid Järntorget.", "`Järntorget`"),
        ("Insats i Kista och Sollentuna.", "`Kista`, `Sollentuna`"),
    ] {
        let reason = placed(text);
        assert!(reason.starts_with(names), "{reason}");
        assert!(reason.ends_with("may mean different areas; enter the row by hand"), "{reason}");
    }
}

#[test]
fn what_lies_outside_says_so() {
    assert!(placed("Brand i Kungens kurva.").starts_with("`Kungens kurva` lies outside"));
    let unregistered = placed("Brand i Gröndal.");
    assert!(unregistered.starts_with("`Gröndal` is `sthlm-hagersten-alvsjo/"), "{unregistered}");
}

#[test]
fn a_cell_needs_no_capital_letter() {
    let gazetteer = sample::gazetteer();
    assert_eq!(gazetteer.of_name("kista galleria").unwrap().id(), "sthlm-jarva/kista/p1");
    assert_eq!(gazetteer.of_name("FARSTA CENTRUM").unwrap().id(), "sthlm-farsta/farsta-centrum/p1");
    assert!(gazetteer.is_home("Stockholms län") && !gazetteer.is_home("Kista"));
}

#[test]
fn coordinates_lie_in_the_nearest_part_of_any_area() {
    let at = |lat, lon| {
        let at = Coordinates::on_globe(lat, lon).unwrap();
        sample::gazetteer().at(at).map(|geography| geography.id().to_owned())
    };
    assert_eq!(at(593_890_000, 179_280_000).as_deref(), Some("sthlm-jarva/rinkeby"));
    assert_eq!(at(593_180_000, 180_730_000).as_deref(), Some("sthlm-sodermalm/slussen"));
    assert_eq!(at(596_024_960, 181_384_380), None);
}

#[test]
fn no_given_name_stands_for_two_things() {
    let gazetteer = sample::gazetteer();
    let twice: Vec<_> = gazetteer
        .names
        .values()
        .filter(|named| named.rank == Rank::Given && named.targets.len() > 1)
        .map(|named| named.shown.as_str())
        .collect();
    assert!(twice.is_empty(), "{twice:?}");
}
