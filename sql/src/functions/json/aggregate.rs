//! `json_group_array` and `json_group_object`: the rows of a group as one document.

use super::argument::{Form, give_text};
use super::escape::write_quoted;
use super::render::write_sql;
use crate::error::Result;
use crate::functions::define::Kinds;
use crate::functions::number::text_of;
use crate::functions::text::check_length;
use crate::functions::{AggregateDefinition, AggregateKind, AggregateState, States};
use crate::types::Collation;
use crate::value::{Value, ValueRef};
use std::borrow::Cow;

const fn group(
    name: &'static str,
    args: usize,
    form: Form,
    state: fn(Collation) -> Box<dyn AggregateState>,
) -> AggregateDefinition {
    let result = match form {
        Form::Text => Kinds::TEXT,
        Form::Binary => Kinds::BLOB,
    };
    AggregateDefinition {
        name: Cow::Borrowed(name),
        kind: AggregateKind::Other,
        min_args: args,
        max_args: args,
        result,
        states: States::BuiltIn(state),
    }
}

pub(in crate::functions) const FUNCTIONS: &[AggregateDefinition] = &[
    group("json_group_array", 1, Form::Text, |_| Box::new(Group::new(b'[', Form::Text))),
    group("jsonb_group_array", 1, Form::Binary, |_| Box::new(Group::new(b'[', Form::Binary))),
    group("json_group_object", 2, Form::Text, |_| Box::new(Group::new(b'{', Form::Text))),
    group("jsonb_group_object", 2, Form::Binary, |_| Box::new(Group::new(b'{', Form::Binary))),
];

/// The text so far, without its closing bracket.
struct Group {
    out: Vec<u8>,
    form: Form,
}

impl Group {
    fn new(open: u8, form: Form) -> Group {
        Group { out: vec![open], form }
    }
}

impl AggregateState for Group {
    fn step(&mut self, args: &[ValueRef<'_>]) -> Result<()> {
        let mut scratch = Vec::new();
        let (label, value) = match args {
            [value] => (None, *value),
            // A member without a label is left out.
            [ValueRef::Null, ..] | [] => return Ok(()),
            [label, value, ..] => {
                let label = text_of(*label, &mut scratch);
                (Some(label.split(|byte| *byte == 0).next().unwrap_or_default()), *value)
            }
        };
        if self.out.len() > 1 {
            self.out.push(b',');
        }
        if let Some(label) = label {
            write_quoted(label, &mut self.out);
            self.out.push(b':');
        }
        write_sql(value, &mut self.out)?;
        check_length(self.out.len())
    }

    fn finish(&mut self) -> Result<Value> {
        let mut whole = self.out.clone();
        whole.push(if whole.first() == Some(&b'{') { b'}' } else { b']' });
        Ok(give_text(whole, self.form)?.into_value())
    }
}
