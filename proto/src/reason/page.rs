//! A page for each reason, and the list of them: what `docs/errors.md` and `docs/errors/` hold.

use std::fmt::{self, Display, Formatter, Write as _};

use super::Reason;

/// Says where a page comes from, where a reader does not see it.
const MADE: &str =
    "<!-- Made from proto/errors.toml: UPDATE=1 cargo test -p samsyn-tests --test golden -->";

const INTRODUCTION: &str = "\
# Errors

A refused call ends with a gRPC status whose details hold `google.rpc.ErrorInfo`: the domain
`samsyn` and one of the reasons below. Build on the reason, never on the message. `BadRequest`
names the fields where there are any, `RetryInfo` says how long to wait where a retry helps. The
metadata of `ErrorInfo` names the reason's page (`doc`) and, where there is one, the field
(`field`), the rule of the policy that decided (`rule_id`), and the version, revision or round that
is in force now (`current`).

*Retry* says whether the same bytes, sent again with the same idempotency key, can succeed. A reason
is never renamed and never changes its status within a version of the interface; new ones may come,
so treat an unknown reason by its status.

| reason | status | retry | what happened |
|---|---|---|---|
";

/// How long an answer of our own says to wait.
const RETRY_DELAY: &str = "0.500s";

impl Reason {
    /// Where its page lies in the release: what `ErrorInfo` names as `doc`.
    ///
    /// ```
    /// use samsyn_proto::Reason;
    /// assert_eq!(Reason::BadField.page_path(), "docs/errors/BAD_FIELD.md");
    /// ```
    #[must_use]
    pub fn page_path(self) -> String {
        format!("docs/errors/{}.md", self.id())
    }

    /// Its page, in Markdown.
    #[must_use]
    pub fn page(self) -> String {
        Page(self).to_string()
    }

    /// The list of all, in Markdown; the pages lie in the folder `errors` beside it.
    #[must_use]
    pub fn index() -> String {
        Index.to_string()
    }
}

struct Page(Reason);

struct Index;

impl Display for Page {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let reason = self.0;
        let code = reason.code();
        writeln!(f, "{MADE}\n# {reason}\n")?;
        let retry = yes_or_no(reason.retryable());
        writeln!(f, "Status `{}` ({}), retry: {retry}.", code.name(), code.number())?;
        section(f, "What happened", reason.text())?;
        writeln!(f, "\nPå svenska: {}.", reason.text_sv())?;
        section(f, "What usually brings it about", reason.cause())?;
        section(f, "What to do", reason.remedy())?;
        writeln!(f, "\n{}", again(reason))?;
        section(f, "What the operator looks at", reason.for_operator())?;
        writeln!(f, "\n## The details of the status\n\n```json")?;
        details(f, reason)?;
        writeln!(f, "```\n\n## Related\n")?;
        for other in reason.related() {
            writeln!(f, "- [`{other}`]({other}.md): {}", other.text())?;
        }
        writeln!(f, "- [all reasons](../errors.md)")
    }
}

impl Display for Index {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{MADE}\n{INTRODUCTION}")?;
        for reason in Reason::ALL {
            let (code, retry) = (reason.code().name(), yes_or_no(reason.retryable()));
            let text = reason.text();
            writeln!(f, "| [`{reason}`](errors/{reason}.md) | `{code}` | {retry} | {text} |")?;
        }
        Ok(())
    }
}

/// A heading and a sentence under it.
fn section(f: &mut Formatter<'_>, heading: &str, text: &str) -> fmt::Result {
    writeln!(f, "\n## {heading}\n")?;
    let mut letters = text.chars();
    if let Some(first) = letters.next() {
        first.to_uppercase().try_for_each(|letter| f.write_char(letter))?;
    }
    writeln!(f, "{}.", letters.as_str())
}

const fn again(reason: Reason) -> &'static str {
    if reason.retryable() {
        "The same bytes can go through later: wait as long as `RetryInfo` says, longer each time, \
         and keep\nthe idempotency key."
    } else {
        "Sent again unchanged, it is refused again."
    }
}

/// The status as the JSON of protobuf shows it.
fn details(f: &mut Formatter<'_>, reason: Reason) -> fmt::Result {
    let (text, remedy, field) = (reason.text(), reason.remedy(), reason.often_at());
    writeln!(f, "{{\n  \"code\": {},", reason.code().number())?;
    writeln!(f, "  \"message\": {:?},", format!("{reason}: {text}; {remedy}"))?;
    writeln!(f, "  \"details\": [\n    {{")?;
    writeln!(f, "      \"@type\": \"type.googleapis.com/google.rpc.ErrorInfo\",")?;
    writeln!(f, "      \"reason\": \"{reason}\",\n      \"domain\": \"samsyn\",")?;
    write!(f, "      \"metadata\": {{ \"doc\": {:?}", reason.page_path())?;
    if !field.is_empty() {
        write!(f, ", \"field\": {field:?}")?;
    }
    if reason.names_current() {
        f.write_str(", \"current\": \"8\"")?;
    }
    f.write_str(" }\n    }")?;
    if !field.is_empty() {
        let violation = format!("{text}; {remedy}");
        writeln!(f, ",\n    {{")?;
        writeln!(f, "      \"@type\": \"type.googleapis.com/google.rpc.BadRequest\",")?;
        writeln!(f, "      \"fieldViolations\": [")?;
        writeln!(f, "        {{ \"field\": {field:?}, \"description\": {violation:?} }}")?;
        f.write_str("      ]\n    }")?;
    }
    if reason.retryable() {
        writeln!(f, ",\n    {{")?;
        writeln!(f, "      \"@type\": \"type.googleapis.com/google.rpc.RetryInfo\",")?;
        write!(f, "      \"retryDelay\": \"{RETRY_DELAY}\"\n    }}")?;
    }
    f.write_str("\n  ]\n}\n")
}

const fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_everything_that_the_table_says() {
        for reason in Reason::ALL {
            let page = reason.page();
            let sentences = [reason.text_sv(), reason.remedy(), reason.cause()];
            for sentence in sentences {
                let rest = sentence.split_at(sentence.chars().next().map_or(0, char::len_utf8)).1;
                assert!(page.contains(rest), "{reason}: {sentence}");
            }
            assert_eq!(page.contains("RetryInfo\""), reason.retryable(), "{reason}");
            assert_eq!(page.contains("BadRequest\""), !reason.often_at().is_empty(), "{reason}");
            assert!(!reason.related().is_empty(), "{reason}");
        }
    }

    #[test]
    fn the_list_links_to_every_page() {
        let index = Reason::index();
        for reason in Reason::ALL {
            let link = format!("({})", reason.page_path().replace("docs/", ""));
            assert_eq!(index.matches(&link).count(), 1, "{reason}");
        }
    }
}
