//! EXPLAIN: the plan of a statement, shown instead of run; `analyze` shows it with a run.

use super::Session;
use super::prepare::{Kind, bind_context, fold};
use super::statistics::SnapshotStatistics;
use crate::catalog::Schemas;
use crate::error::{Error, Result};
use crate::parser::{ExplainMode, Parsed, Statement};
use crate::plan::{self, PlanContext};
use crate::value::Value;
use crate::value_list::ValueList;

impl Session {
    /// The rows of EXPLAIN.
    pub(super) fn run_explain(
        &mut self,
        mode: ExplainMode,
        statement: &Statement,
        parsed: &Parsed,
        schemas: &Schemas,
        parameters: &mut ValueList,
    ) -> Result<Vec<Vec<Value>>> {
        let lines = |lines: Vec<String>| Ok(lines.into_iter().map(|line| vec![Value::text(line)]).collect());
        if mode == ExplainMode::Analyze {
            return lines(self.run_analyze(statement, parsed, parameters)?);
        }
        let statistics = SnapshotStatistics::new(self.read_snapshot()?.0, schemas);
        let context = PlanContext { statistics: &statistics, fold: &fold, choices: self.choices };
        let kind = match statement {
            Statement::Query(query) => {
                let bound = crate::bind::bind_query(parsed, query, &bind_context(schemas, &[]))?;
                Kind::Query(plan::plan_query(bound, &context)?.into())
            }
            Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) => {
                let bound = crate::bind::bind_write(parsed, statement, &bind_context(schemas, &[]))?;
                Kind::Write(plan::plan_write(bound, &context)?.into())
            }
            _ => return Err(Error::invalid("EXPLAIN explains SELECT, INSERT, UPDATE and DELETE", None)),
        };
        match (mode, &kind) {
            (ExplainMode::Plan, Kind::Query(plan)) => lines(plan::explain(plan)),
            (ExplainMode::Plan, Kind::Write(plan)) => lines(plan::explain_write(plan)),
            (ExplainMode::QueryPlan, Kind::Query(plan)) => Ok(steps(plan::explain_query_plan(plan))),
            (ExplainMode::QueryPlan, Kind::Write(plan)) => Ok(steps(plan::explain_query_plan_of_write(plan))),
            // Analyzing was done above, and nothing else is made there.
            (ExplainMode::Analyze, _) | (_, Kind::Other(..)) => Ok(Vec::new()),
        }
    }
}

/// The rows of EXPLAIN QUERY PLAN, under SQLite's columns: id, parent, notused and detail.
fn steps(steps: Vec<(i64, i64, String)>) -> Vec<Vec<Value>> {
    let row = |(id, parent, detail): (i64, i64, String)| {
        vec![Value::Integer(id), Value::Integer(parent), Value::Integer(0), Value::text(detail)]
    };
    steps.into_iter().map(row).collect()
}
