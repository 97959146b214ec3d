//! The page on which a user enters text to see what would be masked. It also lists the rules that recognise secrets.

use leptos::prelude::*;
use model::{RedactionFinding, RedactionResult, RedactionRules};

use super::frame::{BackTo, framed};
use crate::rpc;
use crate::words;

/// The beginning of every mask. A complete mask is `[REDACTED]` or `[REDACTED:ID]`, where `ID` is the id of a rule.
const MASK_BEGIN: &str = "[REDACTED";

/// Shows a field for the text to test, the masked text, and the rules.
#[component]
pub fn RedactionPage() -> impl IntoView {
    let rules = Resource::new(|| (), |()| rpc::redaction_rules());
    let content = view! {
        <main class="secrets">
            <Test />
            <Suspense>
                {move || Suspend::new(async move { rules.await.ok().map(|rules| view! { <Rules rules /> }) })}
            </Suspense>
        </main>
    };
    framed("Test redaction", BackTo::Secrets, content.into_any())
}

/// The field for the text, and the result of the test.
#[component]
fn Test() -> impl IntoView {
    let text = RwSignal::new(String::new());
    let test = Action::new(|text: &String| rpc::test_redaction(text.clone()));
    let result = move || {
        test.value().get().map(|result| match result {
            Ok(result) => view! { <Masked result /> }.into_any(),
            Err(error) => view! { <p class="error" role="alert">{error.to_string()}</p> }.into_any(),
        })
    };
    view! {
        <form
            class="secret-form stretched"
            on:submit=move |event| {
                event.prevent_default();
                test.dispatch(text.get_untracked());
            }
        >
            <label for="redaction-text">"Text to test, such as log lines"</label>
            <textarea
                id="redaction-text"
                class="field code"
                rows="8"
                spellcheck="false"
                autocapitalize="off"
                data-testid="redaction-text"
                prop:value=move || text.get()
                on:input=move |event| text.set(event_target_value(&event))
            ></textarea>
            <div class="form-end">
                <button class="button primary needs-scripts" data-testid="test-redaction" disabled=move || test.pending().get()>
                    "Test"
                </button>
                <span class="hint">
                    "The text is not stored. The test uses the server's secrets and rules. Secret values that a job defines are not included."
                </span>
                <span class="hint without-scripts">
                    "This page needs JavaScript. Without it, use " <code>"tailwater redact --test"</code> "."
                </span>
            </div>
        </form>
        <div aria-live="polite" data-testid="redaction-result">{result}</div>
    }
    .into_any()
}

/// The masked text, and how often each rule has masked something.
#[component]
fn Masked(result: RedactionResult) -> impl IntoView {
    let counts = counts(&result.findings);
    let summary = if counts.is_empty() {
        "Nothing would be masked.".to_owned()
    } else {
        let total = i64::try_from(result.findings.len()).unwrap_or(i64::MAX);
        format!("{} would be masked:", words::plural(total, "value"))
    };
    let counts =
        counts.into_iter().map(|(rule, count)| view! { <li><code>{rule}</code> " " <small>{count}</small></li> });
    let marked = pieces(&result.text)
        .into_iter()
        .map(|(is_mask, text)| if is_mask { view! { <mark>{text}</mark> }.into_any() } else { text.into_any() });
    view! {
        <p>{summary}</p>
        <ul class="rule-counts">{counts.collect_view()}</ul>
        // The text may be wider than the page. `tabindex` makes it scrollable with the keyboard.
        <pre class="masked-text" data-testid="masked-text" tabindex="0" role="region" aria-label="The masked text">
            {marked.collect_view()}
        </pre>
    }
    .into_any()
}

/// The table of rules, which is collapsed initially.
#[component]
fn Rules(rules: RedactionRules) -> impl IntoView {
    let count = i64::try_from(rules.items.len()).unwrap_or(i64::MAX);
    let rows = rules.items.into_iter().map(|rule| {
        view! {
            <li>
                <code>{rule.id}</code>
                <span>{rule.reason.replace('`', "")}</span>
            </li>
        }
    });
    view! {
        <details data-testid="redaction-rules">
            <summary>{words::plural(count, "rule")} " that recognise secrets by their format"</summary>
            <ul class="rule-list">{rows.collect_view()}</ul>
        </details>
    }
    .into_any()
}

/// Returns how often each rule has masked something, and how often known secret values were masked, in the order of
/// their first findings.
fn counts(findings: &[RedactionFinding]) -> Vec<(String, i64)> {
    let mut counts: Vec<(String, i64)> = Vec::new();
    for finding in findings {
        let rule = finding.rule.as_deref().unwrap_or("secret value");
        match counts.iter_mut().find(|(known, _)| known == rule) {
            Some((_, count)) => *count += 1,
            None => counts.push((rule.to_owned(), 1)),
        }
    }
    counts
}

/// Splits masked text into masks and the text between them.
fn pieces(text: &str) -> Vec<(bool, String)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find(MASK_BEGIN) {
        let after = begin + MASK_BEGIN.len();
        let end = rest[after..].find(']').map_or(after, |end| after + end + 1);
        pieces.push((false, rest[..begin].to_owned()));
        pieces.push((true, rest[begin..end].to_owned()));
        rest = &rest[end..];
    }
    pieces.push((false, rest.to_owned()));
    pieces.retain(|(_, text)| !text.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_distinguished_from_the_text_between_them() {
        let pieces: Vec<_> = pieces("a [REDACTED] b[REDACTED:github-token][REDACTED").into_iter().collect();
        let expected = [
            (false, "a "),
            (true, "[REDACTED]"),
            (false, " b"),
            (true, "[REDACTED:github-token]"),
            (true, "[REDACTED"),
        ];
        assert_eq!(pieces, expected.map(|(is_mask, text)| (is_mask, text.to_owned())));
    }

    #[test]
    fn findings_are_counted_by_rule() {
        let finding =
            |rule: Option<&str>| RedactionFinding { line: 1, column: 1, bytes: 8, rule: rule.map(str::to_owned) };
        let counted = counts(&[finding(Some("a")), finding(None), finding(Some("a"))]);
        assert_eq!(counted, [("a".to_owned(), 2), ("secret value".to_owned(), 1)]);
    }
}
