//! Statements, around the queries and expressions of `ast.rs`.

use super::ast::{Expr, Ident, OrderByExpr, Query, SelectItem, TableWithJoins, With};
use crate::error::Span;

/// One parsed statement.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The statement.
    pub statement: Statement,
    /// Clauses that the trees do not hold.
    pub hints: Hints,
    /// The user's parameters in order of their number: `None` for `?` and `?NNN`, the name with its sigil otherwise.
    pub parameters: Vec<Option<String>>,
    /// Lifted slots whose text stands in the tree as a name (`SELECT 1 AS 'one'`): pinned from the start.
    pub pinned: Vec<usize>,
    /// The text of the statement, without its semicolon; spans are offsets into it.
    pub text: String,
    /// Where the statement begins in the text given: what to add to a span to point there.
    pub start: usize,
}

/// Clauses lifted out of the token list, by the span start of the token before them.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// `t INDEXED BY i` (`Some(i)`) and `t NOT INDEXED` (`None`): the place of `t` or of its alias.
    pub indexed: Vec<(Span, Option<Ident>)>,
    /// `WITH x AS [NOT] MATERIALIZED`: the place of `x`, and whether it is materialized.
    pub materialized: Vec<(Span, bool)>,
    /// Frame exclusions: the place of the window's base name or of its parenthesis, and the exclusion.
    pub exclude: Vec<(Span, Exclude)>,
}

/// What a window frame leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exclude {
    /// Nothing, in so many words: SQLite then computes each frame anew.
    NoOthers,
    /// The current row.
    CurrentRow,
    /// The current row and its peers.
    Group,
    /// The peers alone.
    Ties,
}

/// A name, possibly qualified by a database: `main.t`.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// The database, if one was written.
    pub database: Option<Ident>,
    /// The name itself.
    pub name: Ident,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(database) = &self.database {
            write!(f, "{}.", database.value)?;
        }
        f.write_str(&self.name.value)
    }
}

/// What to do when a row breaks a constraint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// Undo the transaction.
    Rollback,
    /// Undo the statement.
    #[default]
    Abort,
    /// Stop, and keep what the statement did so far.
    Fail,
    /// Leave the row out.
    Ignore,
    /// Delete the rows in the way.
    Replace,
}

/// A statement.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the variants are the statements of SQL")]
pub enum Statement {
    Query(Box<Query>),
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    CreateTable(Box<CreateTable>),
    CreateIndex(Box<CreateIndex>),
    CreateView(Box<CreateView>),
    CreateTrigger(Box<CreateTrigger>),
    Drop { kind: DropKind, name: Name, if_exists: bool },
    AlterTable { table: Name, operation: Box<AlterOperation> },
    Begin(BeginMode),
    Commit,
    Rollback { to: Option<Ident> },
    Savepoint(Ident),
    Release(Ident),
    Pragma { name: Name, argument: Option<PragmaArgument> },
    Explain { mode: ExplainMode, statement: Box<Statement> },
    Analyze(Option<Name>),
    Reindex(Option<Name>),
    Vacuum { database: Option<Ident>, into: Option<Box<Expr>> },
    Attach { file: Box<Expr>, name: Box<Expr> },
    Detach(Ident),
}

/// BEGIN's modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BeginMode {
    /// Take the writer's place at the first write.
    #[default]
    Deferred,
    /// Take it now.
    Immediate,
    /// As IMMEDIATE: readers are never blocked.
    Exclusive,
}

/// What EXPLAIN shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExplainMode {
    /// The plan as a tree.
    Plan,
    /// SQLite's EXPLAIN QUERY PLAN.
    QueryPlan,
    /// The plan with what its execution took.
    Analyze,
}

/// What DROP drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are the kinds of schema objects")]
pub enum DropKind {
    Table,
    Index,
    View,
    Trigger,
}

/// The value behind `PRAGMA name =` or in its parentheses.
#[derive(Clone, Debug)]
pub enum PragmaArgument {
    /// A bare word: `FULL`, `ON`, `t1`.
    Word(Ident),
    /// A literal, signed where it is a number.
    Literal(crate::value::Value),
}

/// INSERT and REPLACE.
#[derive(Clone, Debug)]
pub struct Insert {
    /// Common table expressions before INSERT: a query whose body is ignored.
    pub with: Option<With>,
    /// OR REPLACE and the like; REPLACE INTO is OR REPLACE.
    pub on_conflict: Option<OnConflict>,
    /// The table.
    pub table: Name,
    /// `INSERT INTO t AS x`.
    pub alias: Option<Ident>,
    /// The columns named.
    pub columns: Option<Vec<Ident>>,
    /// The rows; `None` is DEFAULT VALUES. A VALUES list is a query too.
    pub source: Option<Box<Query>>,
    /// ON CONFLICT clauses in order.
    pub upserts: Vec<Upsert>,
    /// RETURNING.
    pub returning: Option<Returning>,
}

/// RETURNING: what a changed row gives.
#[derive(Clone, Debug)]
pub struct Returning {
    /// The columns.
    pub items: Vec<SelectItem>,
}

/// One ON CONFLICT clause.
#[derive(Clone, Debug)]
pub struct Upsert {
    /// The indexed columns or expressions and the WHERE of a partial index; `None` for a clause without target.
    pub target: Option<(Vec<IndexedColumn>, Option<Expr>)>,
    /// DO UPDATE's assignments and WHERE; `None` is DO NOTHING.
    pub update: Option<(Vec<Assignment>, Option<Expr>)>,
}

/// `a = 1` or `(a, b) = (1, 2)`.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The columns; more than one stood in parentheses.
    pub columns: Vec<Ident>,
    /// The value; a tuple or subquery for several columns.
    pub value: Expr,
}

/// UPDATE.
#[derive(Clone, Debug)]
pub struct Update {
    /// Common table expressions.
    pub with: Option<With>,
    /// OR IGNORE and the like.
    pub on_conflict: Option<OnConflict>,
    /// The table.
    pub table: Name,
    /// Its alias.
    pub alias: Option<Ident>,
    /// INDEXED BY or NOT INDEXED on the target.
    pub indexed: Option<Option<Ident>>,
    /// SET.
    pub assignments: Vec<Assignment>,
    /// FROM.
    pub from: Vec<TableWithJoins>,
    /// WHERE.
    pub filter: Option<Expr>,
    /// ORDER BY.
    pub order_by: Vec<OrderByExpr>,
    /// LIMIT and OFFSET.
    pub limit: Option<(Expr, Option<Expr>)>,
    /// RETURNING.
    pub returning: Option<Returning>,
}

/// DELETE.
#[derive(Clone, Debug)]
pub struct Delete {
    /// Common table expressions.
    pub with: Option<With>,
    /// The table.
    pub table: Name,
    /// Its alias.
    pub alias: Option<Ident>,
    /// INDEXED BY or NOT INDEXED on the target.
    pub indexed: Option<Option<Ident>>,
    /// WHERE.
    pub filter: Option<Expr>,
    /// ORDER BY.
    pub order_by: Vec<OrderByExpr>,
    /// LIMIT and OFFSET.
    pub limit: Option<(Expr, Option<Expr>)>,
    /// RETURNING.
    pub returning: Option<Returning>,
}

/// CREATE TABLE.
#[derive(Clone, Debug)]
pub struct CreateTable {
    /// TEMP.
    pub temporary: bool,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// The name.
    pub name: Name,
    /// The columns.
    pub columns: Vec<ColumnDefinition>,
    /// The table constraints.
    pub constraints: Vec<TableConstraint>,
    /// AS SELECT.
    pub source: Option<Box<Query>>,
    /// WITHOUT ROWID.
    pub without_rowid: bool,
    /// STRICT (every table is).
    pub strict: bool,
}

/// One column of CREATE TABLE or ALTER TABLE ADD COLUMN.
#[derive(Clone, Debug)]
pub struct ColumnDefinition {
    /// The name.
    pub name: Ident,
    /// The type as written: its words in upper case joined by spaces, and its arguments; `None` if there is none.
    pub declared_type: Option<DeclaredType>,
    /// The constraints in order.
    pub constraints: Vec<ColumnConstraint>,
    /// The text of the whole definition.
    pub span: Span,
}

/// A type name as written: `VARCHAR(10)`, `UNSIGNED BIG INT`.
#[derive(Clone, Debug)]
pub struct DeclaredType {
    /// The words, one space between them, as written.
    pub name: String,
    /// What stands in parentheses: at most two signed numbers.
    pub arguments: Vec<i64>,
    /// Where.
    pub span: Span,
}

/// A column constraint.
#[derive(Clone, Debug)]
pub struct ColumnConstraint {
    /// CONSTRAINT name.
    pub name: Option<Ident>,
    /// What it says.
    pub kind: ColumnConstraintKind,
    /// ON CONFLICT.
    pub on_conflict: Option<OnConflict>,
    /// The text of the whole constraint.
    pub span: Span,
}

/// What a column constraint says.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the variants are the column constraints of SQL")]
pub enum ColumnConstraintKind {
    PrimaryKey {
        descending: bool,
        autoincrement: bool,
    },
    NotNull,
    /// NULL, which says nothing.
    Null,
    Unique,
    /// The expression and its text between the parentheses.
    Check(Expr, String),
    /// The expression and its text.
    Default(Expr, String),
    Collate(Ident),
    References(ForeignKey),
    Generated {
        expr: Expr,
        text: String,
        stored: bool,
    },
}

/// A table constraint.
#[derive(Clone, Debug)]
pub struct TableConstraint {
    /// CONSTRAINT name.
    pub name: Option<Ident>,
    /// What it says.
    pub kind: TableConstraintKind,
    /// ON CONFLICT.
    pub on_conflict: Option<OnConflict>,
    /// The text of the whole constraint.
    pub span: Span,
}

/// What a table constraint says.
#[allow(clippy::large_enum_variant, reason = "there are few of them, and none is moved often")]
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the variants are the table constraints of SQL")]
pub enum TableConstraintKind {
    PrimaryKey {
        columns: Vec<IndexedColumn>,
        autoincrement: bool,
    },
    Unique(Vec<IndexedColumn>),
    /// The expression and its text between the parentheses.
    Check(Expr, String),
    ForeignKey {
        columns: Vec<Ident>,
        key: ForeignKey,
    },
}

/// REFERENCES and what follows.
#[derive(Clone, Debug)]
pub struct ForeignKey {
    /// The parent table.
    pub table: Ident,
    /// Its columns; none means its primary key.
    pub columns: Vec<Ident>,
    /// ON DELETE.
    pub on_delete: ForeignAction,
    /// ON UPDATE.
    pub on_update: ForeignAction,
    /// DEFERRABLE INITIALLY DEFERRED.
    pub deferred: bool,
}

/// What happens to child rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are the actions of SQL")]
pub enum ForeignAction {
    #[default]
    NoAction,
    Restrict,
    SetNull,
    SetDefault,
    Cascade,
}

/// A column or expression of an index or key. A COLLATE around the expression is kept apart.
#[derive(Clone, Debug)]
pub struct IndexedColumn {
    /// The column name as an identifier, or an expression.
    pub expr: Expr,
    /// The text of the expression.
    pub text: String,
    /// COLLATE.
    pub collation: Option<Ident>,
    /// DESC.
    pub descending: bool,
}

/// CREATE INDEX.
#[derive(Clone, Debug)]
pub struct CreateIndex {
    /// UNIQUE.
    pub unique: bool,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// The name.
    pub name: Name,
    /// The table.
    pub table: Ident,
    /// The columns.
    pub columns: Vec<IndexedColumn>,
    /// WHERE, and its text.
    pub filter: Option<(Expr, String)>,
}

/// CREATE VIEW.
#[derive(Clone, Debug)]
pub struct CreateView {
    /// TEMP.
    pub temporary: bool,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// The name.
    pub name: Name,
    /// The column names, if written.
    pub columns: Vec<Ident>,
    /// The query.
    pub query: Box<Query>,
}

/// CREATE TRIGGER.
#[derive(Clone, Debug)]
pub struct CreateTrigger {
    /// TEMP.
    pub temporary: bool,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// The name.
    pub name: Name,
    /// BEFORE, AFTER or INSTEAD OF.
    pub time: TriggerTime,
    /// What fires it.
    pub event: TriggerEvent,
    /// The database written before the table, which only a temporary trigger may have.
    pub on_database: Option<Ident>,
    /// The table or view.
    pub table: Ident,
    /// WHEN.
    pub condition: Option<Expr>,
    /// The statements between BEGIN and END.
    pub body: Vec<Statement>,
}

/// When a trigger fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are the times of SQL")]
pub enum TriggerTime {
    Before,
    After,
    InsteadOf,
}

/// What fires a trigger.
#[derive(Clone, Debug)]
pub enum TriggerEvent {
    /// INSERT.
    Insert,
    /// DELETE.
    Delete,
    /// UPDATE, of these columns where they are named.
    Update(Vec<Ident>),
}

/// What ALTER TABLE does.
#[derive(Clone, Debug)]
pub enum AlterOperation {
    /// RENAME TO.
    RenameTable(Ident),
    /// `RENAME [COLUMN] a TO b`.
    RenameColumn {
        /// The column.
        from: Ident,
        /// Its next name.
        to: Ident,
    },
    /// `ADD [COLUMN]`.
    AddColumn(ColumnDefinition),
    /// `DROP [COLUMN]`.
    DropColumn(Ident),
    /// `ALTER [COLUMN]`.
    AlterColumn {
        /// The column.
        column: Ident,
        /// What becomes of it.
        change: ColumnChange,
    },
    /// ADD and a table constraint.
    AddConstraint(Box<TableConstraint>),
    /// DROP CONSTRAINT.
    DropConstraint(Ident),
}

/// What ALTER COLUMN does.
#[derive(Clone, Debug)]
pub enum ColumnChange {
    /// `[SET DATA] TYPE`.
    Type(DeclaredType),
    /// SET DEFAULT: the text, DEFAULT included.
    SetDefault(Span),
    /// DROP DEFAULT.
    DropDefault,
    /// SET NOT NULL.
    SetNotNull,
    /// DROP NOT NULL.
    DropNotNull,
}
