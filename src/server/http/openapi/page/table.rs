//! Renders tables.

use leptos::prelude::*;

/// Renders a table with these headings. The table can be scrolled if the page is too narrow.
pub(super) fn table(headings: &[&'static str], rows: AnyView) -> AnyView {
    let headings = headings.iter().map(|heading| view! { <th>{*heading}</th> }).collect_view();
    view! {
        <div class="api-table">
            <table>
                <thead>
                    <tr>{headings}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}
