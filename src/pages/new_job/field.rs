//! Form fields with their labels and error messages.

use leptos::prelude::*;

use crate::host;

/// The CSS classes of fields that contain code. On-screen keyboards must not correct the spelling in these fields.
pub const CODE: &str = "field code";

/// A handle to the form's current error, if there is one. An error consists of the path of the invalid field and a
/// message. Copies refer to the same error.
#[derive(Clone, Copy)]
pub struct Problems(Memo<Option<(String, String)>>);

impl Problems {
    /// Creates the handle. `message` returns the current error message, if any, such as `priority: must be a whole
    /// number`. The message starts with the path of the invalid field, if there is one.
    pub fn new(message: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Memo::new(move |_| message().map(|message| locate(&message))))
    }

    /// Returns the path of the invalid field and the message, or `None` if the form has no error.
    pub fn get(self) -> Option<(String, String)> {
        self.0.get()
    }

    /// Returns the path of the invalid field without subscribing the caller to changes, or `None` if the form has no
    /// error.
    pub fn field(self) -> Option<String> {
        self.0.with_untracked(|problem| problem.as_ref().map(|(field, _)| field.clone()))
    }

    /// Returns a handle to the error of the field with the path `field`.
    pub fn of(self, field: Signal<String>) -> FieldProblem {
        let text = Memo::new(move |_| self.0.get().filter(|(path, _)| *path == field.get()).map(|(_, text)| text));
        FieldProblem(text)
    }
}

/// A handle to the error message of one field, if there is one. Copies refer to the same error.
#[derive(Clone, Copy)]
pub struct FieldProblem(Memo<Option<String>>);

impl FieldProblem {
    /// Returns the value of the input's `aria-invalid` attribute, or `None` to omit the attribute.
    pub fn is_invalid(self) -> Option<&'static str> {
        self.0.get().map(|_| "true")
    }
}

/// Shows the error message of a field. The input refers to this element by `aria-describedby`.
#[component]
pub fn Problem(
    /// The field's error.
    of: FieldProblem,
    /// The id of this element.
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

/// A single-line field with a label.
#[component]
pub fn TextField(
    /// The label.
    label: &'static str,
    /// A short note beside the label.
    #[prop(default = "")]
    note: &'static str,
    /// The field's name in the posted form, which is also the input's id.
    name: &'static str,
    /// The input's `data-testid`.
    testid: &'static str,
    /// The path of the field in a submission.
    field: &'static str,
    /// The field's value.
    value: RwSignal<String>,
    /// The input's class.
    #[prop(default = "field")]
    class: &'static str,
    /// The text that is shown while the field is empty.
    #[prop(default = "")]
    placeholder: &'static str,
    /// The type of on-screen keyboard, which is the value of the `inputmode` attribute.
    #[prop(default = "text")]
    inputmode: &'static str,
    /// The id of the list of suggestions, or `None` if there are none.
    #[prop(optional)]
    list: Option<&'static str>,
    /// The maximum number of characters, or `None` for no limit.
    #[prop(optional)]
    maxlength: Option<&'static str>,
    /// The error of the form.
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

/// A multi-line field. The HTML that the server sends already contains the value.
#[component]
pub fn TextArea(
    /// The field's value.
    value: RwSignal<String>,
) -> impl IntoView {
    let text = value.get_untracked();
    let rows = text.lines().count().clamp(3, 16);
    // Browsers drop a line break at the beginning of the element's content (HTML Standard, 13.1.2.5), so an additional
    // line break is inserted. Leptos does not escape the content, so it is escaped here.
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

/// Splits an error message into the path of the form's field that the error refers to, and the remaining text. The path
/// is empty if the message does not name a field.
fn locate(message: &str) -> (String, String) {
    let (field, text) = match message.split_once(": ") {
        Some((field, text)) if !field.contains(' ') || field.starts_with("payload.env.") => (field, text),
        _ => ("", message),
    };
    let is_shell = field.starts_with("payload.steps[") && field.ends_with("].shell");
    let field = match field {
        "payload.run" => "payload.steps[0].run",
        _ if is_shell => "payload.shell",
        _ if field.starts_with("payload.secrets[") => "payload.secrets",
        _ if field.starts_with("payload.secretFiles[") => "payload.secretFiles",
        field => field,
    };
    (field.to_owned(), text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_shown_next_to_its_field() {
        let table = [
            ("payload.steps[2].run: must not be empty", ("payload.steps[2].run", "must not be empty")),
            ("payload.run: must not be empty", ("payload.steps[0].run", "must not be empty")),
            ("payload.steps[12].shell: must be a program", ("payload.shell", "must be a program")),
            ("payload.secrets[1]: must be a name", ("payload.secrets", "must be a name")),
            ("payload.secretFiles[0]: must be a name", ("payload.secretFiles", "must be a name")),
            ("payload.env.A B: is not a name: it has a space", ("payload.env.A B", "is not a name: it has a space")),
            ("payload.env.: enter a name", ("payload.env.", "enter a name")),
            ("priority: must be -1000 to 1000, not 5000", ("priority", "must be -1000 to 1000, not 5000")),
            ("the queue is full: try later", ("", "the queue is full: try later")),
        ];
        for (message, (field, text)) in table {
            assert_eq!(locate(message), (field.to_owned(), text.to_owned()));
        }
    }
}
