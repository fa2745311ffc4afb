//! How Swedish writes one name in several ways: `Rinkeby torg`, `Rinkebytorget`, `Rinkebys torg`.

use std::collections::BTreeSet;

use super::words;

/// Last words of place names, bare and with their definite ending.
const HEADS: [(&str, &str); 17] = [
    ("torg", "torget"),
    ("centrum", "centrumet"),
    ("galleria", "gallerian"),
    ("station", "stationen"),
    ("tunnelbanestation", "tunnelbanestationen"),
    ("park", "parken"),
    ("plan", "planen"),
    ("bad", "badet"),
    ("gård", "gården"),
    ("fält", "fältet"),
    ("skog", "skogen"),
    ("topp", "toppen"),
    ("idrottsplats", "idrottsplatsen"),
    ("industriområde", "industriområdet"),
    ("gymnasieområde", "gymnasieområdet"),
    ("verksamhetsområde", "verksamhetsområdet"),
    ("kyrka", "kyrkan"),
];
/// Other words for a head.
const SAME: [(&str, &[&str]); 2] = [
    ("tunnelbanestation", &["tunnelbana", "tunnelbanan", "t bana", "t banestation", "t station"]),
    ("idrottsplats", &["ip"]),
];
/// Last parts of compounds that lie in what the first part names. Roads are not among them: they
/// are called after where they lead.
const PARTS: [&str; 29] = [
    "torget",
    "torg",
    "centrum",
    "gallerian",
    "galleria",
    "mässan",
    "stationen",
    "station",
    "området",
    "skolan",
    "skola",
    "parken",
    "park",
    "badet",
    "bad",
    "hallen",
    "fältet",
    "gården",
    "gård",
    "skogen",
    "toppen",
    "kyrkan",
    "kyrka",
    "biblioteket",
    "planen",
    "plan",
    "terminalen",
    "arenan",
    "stråket",
];
/// The shortest first part of a compound, in letters: shorter ones begin too many words.
const BASE_LETTERS_MIN: usize = 4;

/// A registered name's own names, and those in its parentheses.
pub(super) fn split(name: &str) -> (Vec<String>, Vec<String>) {
    let (own, aside) = name.split_once('(').unwrap_or((name, ""));
    let parts = |text: &str| {
        let parts = text.split('/').map(|part| part.trim().trim_end_matches(')').to_owned());
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>()
    };
    (parts(own), parts(aside))
}

/// Other ways to write a name, as keys, without the name itself.
pub(super) fn of(name: &str) -> BTreeSet<String> {
    let key = words::key(name);
    let mut forms = BTreeSet::new();
    match key.rsplit_once(' ') {
        Some((front, last)) => {
            if let Some(head) = head(last) {
                parted(front, head, &mut forms);
            }
        }
        None => {
            let endings =
                HEADS.iter().flat_map(|(bare, definite)| [(*definite, *bare), (*bare, *bare)]);
            for (ending, bare) in endings {
                let front = key.strip_suffix(ending).filter(|front| long_enough(front));
                let Some((front, head)) = front.zip(head(bare)) else { continue };
                parted(front, head, &mut forms);
                break;
            }
        }
    }
    forms.remove(&key);
    forms
}

/// What the first part of a compound may be called: `hökarängsskolan` is of `hökarängen`.
pub(super) fn bases(word: &str) -> impl Iterator<Item = String> {
    let fronts = PARTS.iter().filter_map(move |part| word.strip_suffix(part));
    fronts.filter(|front| long_enough(front)).flat_map(stems)
}

fn long_enough(front: &str) -> bool {
    front.chars().count() >= BASE_LETTERS_MIN
}

fn head(last: &str) -> Option<(&'static str, &'static str)> {
    HEADS.into_iter().find(|(bare, definite)| *bare == last || *definite == last)
}

/// A name may lose its genitive or its definite ending inside a compound.
fn stems(front: &str) -> [String; 3] {
    let bare = front.strip_suffix('s').unwrap_or(front);
    [front.to_owned(), bare.to_owned(), format!("{bare}en")]
}

fn parted(front: &str, (bare, definite): (&str, &str), forms: &mut BTreeSet<String>) {
    let same = SAME.iter().find(|(head, _)| *head == bare).map_or(&[][..], |(_, same)| *same);
    let [as_is, stem, longer] = stems(front);
    let short = stem.strip_suffix("en").filter(|short| long_enough(short)).unwrap_or(&stem);
    let genitives = [&stem, &longer, short].map(|name| format!("{name}s"));
    let fronts = [as_is.as_str(), &stem, &longer].into_iter().chain(genitives.iter().map(|g| &**g));
    for front in fronts {
        for last in [bare, definite].iter().chain(same) {
            forms.insert(format!("{front} {last}"));
        }
        if !front.contains(' ') {
            forms.insert(format!("{front}{bare}"));
            forms.insert(format!("{front}{definite}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registered_name_is_split_at_slash_and_parenthesis() {
        let (own, asides) = split("Norrmalm (Klara/Sergels torg)");
        assert_eq!(own, ["Norrmalm"]);
        assert_eq!(asides, ["Klara", "Sergels torg"]);
        assert_eq!(split("Slussen/Gamla stan").0, ["Slussen", "Gamla stan"]);
    }

    #[test]
    fn the_forms_of_a_name() {
        for (name, form) in [
            ("Rinkeby torg", "rinkebytorget"),
            ("Rinkeby torg", "rinkebys torg"),
            ("Rinkeby torg", "rinkeby torget"),
            ("Skärholmens centrum", "skärholmen centrum"),
            ("Skärholmens centrum", "skärholms centrum"),
            ("Liljeholmstorget", "liljeholmens torg"),
            ("Bredängstorget", "bredängs torg"),
            ("Kista galleria", "kistagallerian"),
            ("Kista tunnelbanestation", "kista t bana"),
            ("Kärrtorps idrottsplats", "kärrtorps ip"),
        ] {
            assert!(of(name).contains(form), "{name}: {form} not in {:?}", of(name));
        }
        assert!(of("Slussen").is_empty());
        assert!(of("Stora Nygatan").is_empty());
    }

    #[test]
    fn compounds_lead_to_their_first_part_but_roads_do_not() {
        assert!(bases("hökarängsskolan").any(|base| base == "hökarängen"));
        assert!(bases("kistamässan").any(|base| base == "kista"));
        assert!(bases("farstavägen").next().is_none());
        assert!(bases("husbyggnad").next().is_none());
    }
}
