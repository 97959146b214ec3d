//! Parses YAML text into a [`Json`] tree. Documents are interpreted according to the core schema of YAML 1.2. Anything
//! that JSON cannot represent is an error.
//!
//! Nothing is silently ignored. An unknown tag, for example, may change the meaning of a value (`run: ! true`), so it
//! is an error.

mod scalar;

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Parser, ScanError, Span, StrInput, Tag};

use super::{Json, JsonDepth, JsonError, Member, Node};

/// The maximum size of a document with its aliases expanded, in bytes. The size of a job file has the same limit.
const MAX_SIZE: usize = 64 << 20;

/// Parses YAML text.
pub fn parse_yaml(text: &str) -> Result<Json, JsonError> {
    let mut reader = YamlReader { text, events: Parser::new_from_str(text), anchors: HashMap::new(), size: 0 };
    let mut document = None;
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => break,
            (Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd, _) => {}
            (event, span) if document.is_none() => document = Some(reader.node(event, span, 0)?),
            (_, span) => {
                return Err(
                    reader.error(&span, "a second document starts here, but a file must contain exactly one job")
                );
            }
        }
    }
    Ok(document.unwrap_or(Json { node: Node::Null, at: 0 }))
}

struct YamlReader<'t> {
    text: &'t str,
    events: Parser<'t, StrInput<'t>>,
    /// The values that aliases can refer to, by anchor number.
    anchors: HashMap<usize, Anchored>,
    size: usize,
}

/// A value that aliases can refer to.
#[derive(Clone, Debug)]
struct Anchored {
    json: Json,
    /// The size of the value with its own aliases expanded, in bytes.
    size: usize,
    /// The nesting depth of arrays and objects in the value.
    levels: usize,
}

impl<'t> YamlReader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), JsonError> {
        match self.events.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Err(JsonError::new(self.text.len(), "unexpected end of file")),
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Json, JsonError> {
        let (at, before) = (start(&span), self.size);
        self.grow(1, &span)?;
        if matches!(event, Event::SequenceStart(..) | Event::MappingStart(..)) {
            JsonDepth::MAX.check(depth, at)?;
        }
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.grow(text.len(), &span)?;
                let tag = self.core_tag(tag.as_deref(), &span)?;
                let node = scalar::resolve(&text, style, tag).map_err(|problem| self.error(&span, problem))?;
                (node, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "seq", &span)?;
                (Node::Array(self.items(depth)?), anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "map", &span)?;
                (Node::Object(self.members(depth)?), anchor)
            }
            Event::Alias(anchor) => return self.alias(anchor, &span, depth),
            _ => return Err(self.error(&span, "expected a value")),
        };
        let json = Json { node, at };
        if anchor != 0 {
            let (size, levels) = (self.size - before, levels(&json));
            self.anchors.insert(anchor, Anchored { json: json.clone(), size, levels });
        }
        Ok(json)
    }

    fn alias(&mut self, anchor: usize, span: &Span, depth: usize) -> Result<Json, JsonError> {
        let Some(Anchored { json, size, levels }) = self.anchors.get(&anchor).cloned() else {
            return Err(self.error(span, "is a recursive alias"));
        };
        self.grow(size, span)?;
        // An alias adds all levels of its value at once. Without this check, chains of aliases could nest without a
        // limit.
        if levels > 0 {
            JsonDepth::MAX.check(depth + levels - 1, start(span))?;
        }
        Ok(Json { at: start(span), ..json })
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Json>, JsonError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => {
                    items.push(self.node(event, span, depth + 1).map_err(|error| error.under_item(items.len()))?);
                }
            }
        }
    }

    fn members(&mut self, depth: usize) -> Result<Vec<Member>, JsonError> {
        let (mut members, mut names, mut inherited) = (Vec::new(), HashSet::new(), Vec::new());
        loop {
            let (name, at, is_merge_key) = match self.next()? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(text, style, 0, None), span) => {
                    let is_merge_key = text == "<<" && scalar::is_plain(style);
                    (text.into_owned(), start(&span), is_merge_key)
                }
                (_, span) => return Err(self.error(&span, "the name of a field must be a plain string")),
            };
            if !names.insert(name.clone()) {
                return Err(JsonError::new(at, "is given twice").under(&name));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1).map_err(|error| error.under(&name))?;
            if is_merge_key { inherited = merge(value)? } else { members.push(Member { name, at, value }) }
        }
        // Explicit members override merged ones, regardless of their order. If several merged objects define the same
        // member, the first one wins.
        members.extend(inherited.into_iter().filter(|member| names.insert(member.name.clone())));
        Ok(members)
    }

    /// Returns the core schema type that a tag specifies, or `None` if there is no tag. Fails if the tag does not
    /// specify a type of the core schema.
    fn core_tag<'g>(&self, tag: Option<&'g Tag>, span: &Span) -> Result<Option<&'g str>, JsonError> {
        let Some(tag) = tag else { return Ok(None) };
        tag.core_suffix().map(Some).ok_or_else(|| self.unknown_tag(span))
    }

    fn collection_tag(&self, tag: Option<&Tag>, own: &str, span: &Span) -> Result<(), JsonError> {
        match self.core_tag(tag, span)? {
            Some(other) if other != own => Err(self.error(span, format!("is not a valid !!{other}"))),
            _ => Ok(()),
        }
    }

    fn unknown_tag(&self, span: &Span) -> JsonError {
        let at = span.tag_start.and_then(|start| start.byte_offset()).unwrap_or_else(|| start(span));
        let tag = self.text.get(at..).unwrap_or_default().split_whitespace().next().unwrap_or("!");
        let problem =
            format!("{tag} is a YAML tag, which job files cannot use; put a string that starts with ! in quotes");
        JsonError::new(at, problem)
    }

    fn grow(&mut self, by: usize, span: &Span) -> Result<(), JsonError> {
        self.size += by;
        if self.size > MAX_SIZE {
            return Err(self.error(span, format!("expands to more than {MAX_SIZE} bytes")));
        }
        Ok(())
    }

    #[expect(clippy::unused_self, reason = "it is called in the same way as the other methods")]
    fn error(&self, span: &Span, problem: impl Into<String>) -> JsonError {
        JsonError::new(start(span), problem)
    }

    fn syntax(&self, error: &ScanError) -> JsonError {
        let at = error.marker().byte_offset().unwrap_or(self.text.len());
        JsonError::new(at, error.info())
    }
}

/// Returns the nesting depth of arrays and objects in a value.
fn levels(json: &Json) -> usize {
    match &json.node {
        Node::Array(items) => 1 + items.iter().map(levels).max().unwrap_or(0),
        Node::Object(members) => 1 + members.iter().map(|member| levels(&member.value)).max().unwrap_or(0),
        _ => 0,
    }
}

fn start(span: &Span) -> usize {
    span.start.byte_offset().unwrap_or(0)
}

/// Returns the members that a merge key (`<<`) adds to its object. `value` is the value of the merge key.
fn merge(value: Json) -> Result<Vec<Member>, JsonError> {
    let at = value.at;
    let refused = || JsonError::new(at, "must be an object or a list of objects").under("<<");
    match value.node {
        Node::Object(members) => Ok(members),
        Node::Array(items) => {
            let members = items.into_iter().map(|item| match item.node {
                Node::Object(members) => Ok(members),
                _ => Err(refused()),
            });
            Ok(members.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        }
        _ => Err(refused()),
    }
}
