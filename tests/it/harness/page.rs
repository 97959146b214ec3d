//! Fetches pages of an event log, with the exact bytes of every item.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Api;

/// One page of the event log of a job.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Page {
    pub items: Vec<Box<RawValue>>,
    pub next_after: i64,
    pub next_before: i64,
    pub has_more: bool,
    pub last_seq: i64,
    pub terminal: bool,
}

impl Page {
    /// Returns the `seq` of each event.
    pub fn seqs(&self) -> Vec<i64> {
        self.items.iter().map(|item| seq_of(item.get())).collect()
    }
}

impl Api {
    /// Fetches a page of a job's event log. `query` does not include the question mark.
    pub async fn page(&self, job: &str, query: &str) -> Page {
        let reply = self.get(&format!("/jobs/{job}/events?{query}")).await;
        let (status, text) = (reply.status(), reply.text().await.expect("the body arrives"));
        assert_eq!(status, 200, "{query}: {text}");
        serde_json::from_str(&text).expect("the body is a page")
    }

    /// Reads the event log from the oldest event to the newest, and returns each item's exact text. `filter` begins
    /// with `&` or is empty.
    pub async fn raw_items(&self, job: &str, filter: &str, limit: usize) -> Vec<String> {
        let (mut items, mut after) = (Vec::new(), 0);
        loop {
            let page = self.page(job, &format!("after={after}&limit={limit}{filter}")).await;
            assert!(page.items.len() <= limit);
            items.extend(page.items.iter().map(|item| item.get().to_owned()));
            assert!(page.next_after > after || !page.has_more, "paging makes progress");
            after = page.next_after;
            if !page.has_more {
                assert_eq!(after, page.last_seq, "the last page ends at the last event");
                return items;
            }
        }
    }
}

/// Returns the `seq` of an item.
pub fn seq_of(item: &str) -> i64 {
    let item: Value = serde_json::from_str(item).expect("an item is JSON");
    item["seq"].as_i64().expect("an item has a seq")
}
