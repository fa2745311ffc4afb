//! `samsyn registry plan`: what a change would do, to which rows, and who would newly see what.

use std::path::PathBuf;

use clap::Args;
use samsyn_client::{
    Exported,
    admin::{PreviewRegistryChangeRequest, PreviewRegistryChangeResponse},
    operations,
};
use samsyn_domain::registry::{Change, Difference, Operation};
use serde_json::{Value, json};

use super::files;
use crate::{
    failure::Failure,
    json,
    output::{self, Table},
    session::{Session, answer},
};

/// Compares files with the registry in force, and shows who would newly see what; changes nothing.
///
/// For registrars. The change is replayed over the disclosures of the last seven days: it tells how
/// many objects they would show, never what those say.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    samsyn registry plan --from registry.toml --as registrar\n  \
    samsyn registry plan --from registry/ --output json --as registrar")]
pub(in crate::commands) struct Plan {
    /// The registry as it is to be: a file, or a folder of `.toml` files.
    #[arg(long, value_name = "PATH")]
    from: PathBuf,
}

pub(super) async fn plan(session: &Session, args: Plan) -> Result<(), Failure> {
    let document = files::document(&args.from)?;
    let exported = session.client.export_registry().await?;
    let change = exported.change_to(&document)?;
    show(session, &exported, &change).await
}

/// Shows a change with its preview.
pub(super) async fn show(
    session: &Session,
    exported: &Exported,
    change: &Change,
) -> Result<(), Failure> {
    let request = PreviewRegistryChangeRequest {
        against: Some(exported.base()),
        operations: operations(change),
    };
    let mut registry = session.client.registry.clone();
    let preview = answer(registry.preview_registry_change(request)).await?;
    let rows: Vec<Row> = change.operations().iter().map(|one| Row::of(exported, one)).collect();
    session.show(
        || {
            json!({
                "epoch": exported.epoch,
                "effect": preview.effect,
                "signatures_needed": preview.signatures_needed,
                "rows": json::list(&rows, Row::json),
                "rights": json::list(&preview.rights, json::right_change),
                "replayed": json::list(&preview.replayed, json::replayed),
                "disclosures": preview.disclosures,
                "truncated": preview.truncated,
            })
        },
        || {
            let rows: String = rows.iter().map(Row::told).collect();
            format!("{}{rows}{}", head(exported, change, &preview), told(&preview))
        },
    )
}

/// A row that a change makes another, with the way that it goes by itself.
struct Row {
    key: String,
    how: &'static str,
    effect: &'static str,
    fields: Vec<Difference>,
}

impl Row {
    fn of(exported: &Exported, operation: &Operation) -> Self {
        let registry = &exported.registry;
        let how = match (registry.record(&operation.key()), operation.record()) {
            (None, _) => "added",
            (Some(_), Some(_)) => "changed",
            (Some(_), None) => "removed",
        };
        Self {
            key: operation.key().to_string(),
            how,
            effect: registry.effect_of(operation).as_str(),
            fields: registry.differences(operation),
        }
    }

    fn json(&self) -> Value {
        let field = |field: &Difference| {
            let Difference { field: name, before, after } = field;
            json!({ "name": name, "before": before, "after": after })
        };
        json!({
            "row": self.key,
            "how": self.how,
            "effect": self.effect,
            "fields": json::list(&self.fields, field),
        })
    }

    fn told(&self) -> String {
        let Self { key, how, effect, fields } = self;
        let mut table = Table::new([key.clone(), format!("{how}, {effect}")]);
        for field in fields.iter().filter(|field| !field.field.is_empty()) {
            table.row([format!("  {}", field.field), difference(field)]);
        }
        format!("\n{table}")
    }
}

/// What becomes of a field: of a list, what comes and what goes.
pub(super) fn difference(field: &Difference) -> String {
    let items = |text: Option<&String>| -> Option<Vec<Value>> { serde_json::from_str(text?).ok() };
    let (before, after) = (items(field.before.as_ref()), items(field.after.as_ref()));
    if let (Some(before), Some(after)) = (before, after) {
        let only = |of: &[Value], other: &[Value], sign: &str| -> Vec<String> {
            let new = of.iter().filter(|item| !other.contains(item));
            new.map(|item| format!("{sign}{}", bare(&item.to_string()))).collect()
        };
        let gone = only(&before, &after, "−");
        let come = only(&after, &before, "+");
        return gone.into_iter().chain(come).collect::<Vec<_>>().join(" ");
    }
    let shown = |text: Option<&String>| text.map_or_else(|| "–".to_owned(), |text| bare(text));
    format!("{} → {}", shown(field.before.as_ref()), shown(field.after.as_ref()))
}

/// JSON without the quotation marks of a text.
fn bare(json: &str) -> String {
    serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned())
}

fn head(exported: &Exported, change: &Change, preview: &PreviewRegistryChangeResponse) -> String {
    let effect = match preview.signatures_needed {
        0 | 1 => format!("{}: one registrar is enough", preview.effect),
        needed => format!("{}: registrars of {needed} organisations must sign", preview.effect),
    };
    output::pairs([
        ("against", format!("epoch {}", exported.epoch)),
        ("change", hex::encode(change.digest()).chars().take(16).collect()),
        ("effect", effect),
    ])
}

fn told(preview: &PreviewRegistryChangeResponse) -> String {
    let mut rights = Table::new(["by right", "area", "field group", "where", "gained", "lost"])
        .right(4)
        .right(5);
    for right in &preview.rights {
        rights.row([
            right.receiver.clone(),
            right.area.clone(),
            right.field_group.clone(),
            if right.live { "live" } else { "editions" }.to_owned(),
            right.gained.to_string(),
            right.lost.to_string(),
        ]);
    }
    let mut replayed =
        Table::new(["replayed", "for", "what", "times", "field group", "now", "then"])
            .right(3)
            .right(5)
            .right(6);
    for one in &preview.replayed {
        for group in &one.groups {
            replayed.row([
                one.service.clone(),
                one.purpose.clone(),
                one.what.clone(),
                one.disclosures.to_string(),
                group.field_group.clone(),
                group.now.to_string(),
                group.then.to_string(),
            ]);
        }
    }
    let shown = [rights, replayed].into_iter().filter(|table| !table.is_empty());
    let tables: String = shown.map(|table| format!("\n{table}")).collect();
    let more = if preview.truncated { "; there were more" } else { "" };
    let differ = preview.replayed.len();
    format!(
        "{tables}\n{differ} of {} disclosures of the last seven days would show another number of \
         objects{more}\n",
        preview.disclosures
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_list_what_comes_and_goes_is_told() {
        let field = |before: &str, after: &str| Difference {
            field: "f".into(),
            before: Some(before.into()),
            after: Some(after.into()),
        };
        assert_eq!(difference(&field(r#"["a","b"]"#, r#"["b","c"]"#)), "−a +c");
        assert_eq!(difference(&field("true", "false")), "true → false");
        assert_eq!(difference(&field(r#""x""#, r#""y""#)), "x → y");
    }
}
