//! A field with its label, and beside it what is wrong with it.

use leptos::prelude::*;

use crate::host;

/// The class of a field that holds code, which nobody's keyboard is to correct.
pub const CODE: &str = "field code";

/// What is wrong with the form, if anything: the path of a field, and what it takes. A handle.
#[derive(Clone, Copy)]
pub struct Problems(Memo<Option<(String, String)>>);

impl Problems {
    /// Takes a message of the server, or one that reads alike.
    pub fn new(message: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Memo::new(move |_| message().map(|message| locate(&message))))
    }

    /// Returns the field and what it takes.
    pub fn get(self) -> Option<(String, String)> {
        self.0.get()
    }

    /// Returns the field at present, without asking to be told of changes.
    pub fn field(self) -> Option<String> {
        self.0.with_untracked(|problem| problem.as_ref().map(|(field, _)| field.clone()))
    }

    /// Returns what is wrong with a field.
    pub fn of(self, field: Signal<String>) -> FieldProblem {
        let text = Memo::new(move |_| self.0.get().filter(|(path, _)| *path == field.get()).map(|(_, text)| text));
        FieldProblem(text)
    }
}

/// What is wrong with a field, if anything. A handle.
#[derive(Clone, Copy)]
pub struct FieldProblem(Memo<Option<String>>);

impl FieldProblem {
    /// Returns the value of the input's attribute `aria-invalid`.
    pub fn is_invalid(self) -> Option<&'static str> {
        self.0.get().map(|_| "true")
    }
}

/// Says what is wrong with a field. The input refers to it by `aria-describedby`.
#[component]
pub fn Problem(
    /// What is wrong.
    of: FieldProblem,
    /// The element's id.
    #[prop(into)]
    id: String,
) -> impl IntoView {
    view! {
        <span id=id class="error" role="alert" data-testid=move || of.is_invalid().map(|_| "field-error")>
            {move || of.0.get()}
        </span>
    }
    .into_any()
}

/// A field of one line with a label.
#[component]
pub fn TextField(
    /// Its label.
    label: &'static str,
    /// What stands small beside the label.
    #[prop(default = "")]
    note: &'static str,
    /// Its name in the posted form, and its id.
    name: &'static str,
    /// The name by which tests find it.
    testid: &'static str,
    /// Its path in a submission.
    field: &'static str,
    /// What it holds.
    value: RwSignal<String>,
    /// Its class.
    #[prop(default = "field")]
    class: &'static str,
    /// What is shown while it is empty.
    #[prop(default = "")]
    placeholder: &'static str,
    /// Which keyboard a phone shows.
    #[prop(default = "text")]
    inputmode: &'static str,
    /// The id of a list of suggestions.
    #[prop(optional)]
    list: Option<&'static str>,
    /// The largest number of characters.
    #[prop(optional)]
    maxlength: Option<&'static str>,
    /// What is wrong with the form.
    problems: Problems,
) -> impl IntoView {
    let problem = problems.of(Signal::stored(field.to_owned()));
    let (error, is_code) = (format!("{name}-error"), class == CODE);
    view! {
        <div class="labelled">
            <label for=name>{label} {(!note.is_empty()).then(|| view! { <small>{note}</small> })}</label>
            <input
                id=name
                class=class
                name=name
                data-testid=testid
                placeholder=placeholder
                inputmode=inputmode
                list=list
                maxlength=maxlength
                spellcheck=is_code.then_some("false")
                autocapitalize=is_code.then_some("off")
                aria-describedby=error.clone()
                aria-invalid=move || problem.is_invalid()
                value=value.get_untracked()
                bind:value=value
            />
            <Problem of=problem id=error />
        </div>
    }
    .into_any()
}

/// A field of several lines, which stands filled in the page that the server sends.
#[component]
pub fn TextArea(
    /// What it holds.
    value: RwSignal<String>,
) -> impl IntoView {
    let text = value.get_untracked();
    let rows = text.lines().count().clamp(3, 16);
    // Browsers drop the first line break of the element's content (HTML, 13.1.2.5), and Leptos does not escape it.
    let content = format!("\n{}", host::escaped_text(text));
    view! {
        <textarea
            rows=rows.to_string()
            spellcheck="false"
            autocapitalize="off"
            prop:value=move || value.get()
            on:input=move |event| value.set(event_target_value(&event))
        >
            {content}
        </textarea>
    }
}

/// Cuts a message into the field that it is about, as the form has it, and the rest. Pure.
fn locate(message: &str) -> (String, String) {
    let (field, text) = match message.split_once(": ") {
        Some((field, text)) if !field.contains(' ') || field.starts_with("payload.env.") => (field, text),
        _ => ("", message),
    };
    let is_shell = field.starts_with("payload.steps[") && field.ends_with("].shell");
    let field = match field {
        "payload.run" => "payload.steps[0].run",
        _ if is_shell => "payload.shell",
        field => field,
    };
    (field.to_owned(), text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_shown_at_the_field_that_it_names() {
        let table = [
            ("payload.steps[2].run: takes at most 3 bytes", ("payload.steps[2].run", "takes at most 3 bytes")),
            ("payload.run: takes a command", ("payload.steps[0].run", "takes a command")),
            ("payload.steps[12].shell: takes a name", ("payload.shell", "takes a name")),
            ("payload.env.A B: is no name: it has a space", ("payload.env.A B", "is no name: it has a space")),
            ("payload.env.: give it a name", ("payload.env.", "give it a name")),
            ("priority: takes -1000 to 1000, not 5000", ("priority", "takes -1000 to 1000, not 5000")),
            ("the queue is full: try later", ("", "the queue is full: try later")),
        ];
        for (message, (field, text)) in table {
            assert_eq!(locate(message), (field.to_owned(), text.to_owned()));
        }
    }
}
