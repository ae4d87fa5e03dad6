//! CREATE TABLE, INDEX, VIEW and TRIGGER; DROP; ALTER TABLE. Columns and constraints are in `column.rs`.

use super::dialect::{Grammar, Parse};
use super::keyword::Keyword;
use super::statement::{
    AlterOperation, ColumnChange, CreateIndex, CreateTable, CreateTrigger, CreateView, DropKind, Name,
    Statement, TriggerEvent, TriggerTime,
};
use super::stream::{Parser, Token};
use crate::error::{Error, Span};

impl Grammar<'_> {
    /// What follows CREATE.
    pub(super) fn create(&self, p: &mut Parser) -> Parse<Statement> {
        let temporary = p.parse_one_of_keywords(&[Keyword::TEMP, Keyword::TEMPORARY]).is_some();
        if p.parse_keyword(Keyword::TABLE) {
            return self.create_table(p, temporary);
        }
        if p.parse_keyword(Keyword::VIEW) {
            return self.create_view(p, temporary);
        }
        if p.parse_keyword(Keyword::TRIGGER) {
            return self.create_trigger(p, temporary);
        }
        if !temporary {
            let unique = p.parse_keyword(Keyword::UNIQUE);
            if p.parse_keyword(Keyword::INDEX) {
                return self.create_index(p, unique);
            }
        }
        self.unexpected(p, "TABLE, INDEX, VIEW or TRIGGER behind CREATE")
    }

    fn create_table(&self, p: &mut Parser, temporary: bool) -> Parse<Statement> {
        let if_not_exists = self.if_exists(p, true);
        let name = self.qualified_name(p, "the name of the table")?;
        let mut table = CreateTable {
            temporary,
            if_not_exists,
            name,
            columns: Vec::new(),
            constraints: Vec::new(),
            source: None,
            without_rowid: false,
            strict: false,
        };
        if p.parse_keyword(Keyword::AS) {
            table.source = Some(self.query(p)?);
            return Ok(Statement::CreateTable(Box::new(table)));
        }
        if p.peek() != Token::LParen {
            return self.unexpected(p, "\"(\" or AS");
        }
        p.advance();
        table.columns.push(self.column_definition(p)?);
        let mut behind_columns = false;
        loop {
            let comma = p.consume(Token::Comma);
            if p.peek() == Token::RParen && !comma {
                break;
            }
            // Commas between table constraints may be left out, as in SQLite.
            if self.peek_table_constraint(p) {
                behind_columns = true;
                table.constraints.extend(self.table_constraint(p)?);
            } else if comma && !behind_columns {
                table.columns.push(self.column_definition(p)?);
            } else {
                return self.unexpected(p, if comma { "a table constraint" } else { "\",\" or \")\"" });
            }
        }
        self.token(p, Token::RParen)?;
        if p.peek() != Token::EOF {
            self.list(p, |g, p| g.table_option(p))?.into_iter().for_each(|strict| {
                if strict {
                    table.strict = true;
                } else {
                    table.without_rowid = true;
                }
            });
        }
        Ok(Statement::CreateTable(Box::new(table)))
    }

    /// STRICT (true) or WITHOUT ROWID (false).
    fn table_option(&self, p: &mut Parser) -> Parse<bool> {
        if self.word(p, "STRICT") {
            return Ok(true);
        }
        if p.parse_keyword(Keyword::WITHOUT) && self.word(p, "ROWID") {
            return Ok(false);
        }
        self.unexpected(p, "WITHOUT ROWID or STRICT")
    }

    fn create_index(&self, p: &mut Parser, unique: bool) -> Parse<Statement> {
        let if_not_exists = self.if_exists(p, true);
        let name = self.qualified_name(p, "the name of the index")?;
        self.keyword(p, Keyword::ON)?;
        let table = self.ident(p, "the name of a table")?;
        let columns = self.indexed_columns(p)?;
        let filter = match p.parse_keyword(Keyword::WHERE) {
            true => {
                let start = self.next_span(p).start;
                let expr = *self.expr(p, 0)?;
                Some((expr, self.text_from(p, start)))
            }
            false => None,
        };
        Ok(Statement::CreateIndex(Box::new(CreateIndex {
            unique,
            if_not_exists,
            name,
            table,
            columns,
            filter,
        })))
    }

    fn create_view(&self, p: &mut Parser, temporary: bool) -> Parse<Statement> {
        let if_not_exists = self.if_exists(p, true);
        let name = self.qualified_name(p, "the name of the view")?;
        let columns = match p.peek() {
            Token::LParen => self.ident_list(p, "a column name")?,
            _ => Vec::new(),
        };
        self.keyword(p, Keyword::AS)?;
        let query = self.query(p)?;
        Ok(Statement::CreateView(Box::new(CreateView { temporary, if_not_exists, name, columns, query })))
    }

    fn create_trigger(&self, p: &mut Parser, temporary: bool) -> Parse<Statement> {
        use Keyword::{AFTER, BEFORE, DELETE, EACH, FOR, INSERT, INSTEAD, OF, ROW, UPDATE};
        let if_not_exists = self.if_exists(p, true);
        let name = self.qualified_name(p, "the name of the trigger")?;
        let time = if p.parse_keyword(AFTER) {
            TriggerTime::After
        } else if p.parse_keywords(&[INSTEAD, OF]) {
            TriggerTime::InsteadOf
        } else {
            // BEFORE is also what no word means.
            let _ = p.parse_keyword(BEFORE);
            TriggerTime::Before
        };
        let event = match p.parse_one_of_keywords(&[INSERT, DELETE, UPDATE]) {
            Some(INSERT) => TriggerEvent::Insert,
            Some(DELETE) => TriggerEvent::Delete,
            Some(_) if p.parse_keyword(OF) => {
                TriggerEvent::Update(self.list(p, |g, p| g.ident(p, "a column"))?)
            }
            Some(_) => TriggerEvent::Update(Vec::new()),
            None => return self.unexpected(p, "INSERT, UPDATE or DELETE"),
        };
        self.keyword(p, Keyword::ON)?;
        let Name { database, name: table } = self.qualified_name(p, "the name of a table")?;
        if p.parse_keyword(FOR) {
            self.keyword(p, EACH)?;
            self.keyword(p, ROW)?;
        }
        let condition = self.clause(p, Keyword::WHEN)?.map(|expr| *expr);
        self.keyword(p, Keyword::BEGIN)?;
        let mut body = Vec::new();
        while body.is_empty() || !p.parse_keyword(Keyword::END) {
            let start = self.next_span(p).start;
            let statement = self.query_or_write(p)?;
            if let Some(excess) = beyond_triggers(&statement) {
                let message = format!("a trigger's statements may not have {excess}");
                return self.fail(Error::syntax(message, Span { start, end: self.last_end(p) }));
            }
            body.push(statement);
            self.token(p, Token::SemiColon)?;
        }
        Ok(Statement::CreateTrigger(Box::new(CreateTrigger {
            temporary,
            if_not_exists,
            name,
            time,
            event,
            on_database: database,
            table,
            condition,
            body,
        })))
    }

    /// What follows DROP.
    pub(super) fn drop(&self, p: &mut Parser) -> Parse<Statement> {
        use Keyword::{INDEX, TABLE, TRIGGER, VIEW};
        let kind = match p.parse_one_of_keywords(&[TABLE, INDEX, VIEW, TRIGGER]) {
            Some(TABLE) => DropKind::Table,
            Some(INDEX) => DropKind::Index,
            Some(VIEW) => DropKind::View,
            Some(_) => DropKind::Trigger,
            None => return self.unexpected(p, "TABLE, INDEX, VIEW or TRIGGER behind DROP"),
        };
        let if_exists = self.if_exists(p, false);
        Ok(Statement::Drop { kind, name: self.qualified_name(p, "the name of what to drop")?, if_exists })
    }

    /// What follows ALTER.
    pub(super) fn alter(&self, p: &mut Parser) -> Parse<Statement> {
        use Keyword::{ADD, ALTER, COLUMN, CONSTRAINT, DROP, RENAME, TO};
        self.keyword(p, Keyword::TABLE)?;
        let table = self.qualified_name(p, "the name of a table")?;
        let operation = match p.parse_one_of_keywords(&[RENAME, ADD, DROP, ALTER]) {
            Some(RENAME) if p.parse_keyword(TO) => {
                AlterOperation::RenameTable(self.ident(p, "the next name")?)
            }
            Some(RENAME) => {
                // COLUMN may be left out, and a column may be named so.
                if p.peek_keyword(COLUMN) && !matches!(p.peek_nth(1), Token::Word(TO)) {
                    p.advance();
                }
                let from = self.ident(p, "the name of a column")?;
                self.keyword(p, TO)?;
                AlterOperation::RenameColumn { from, to: self.ident(p, "the next name")? }
            }
            Some(ADD) if self.peek_table_constraint(p) => match self.table_constraint(p)? {
                Some(constraint) => AlterOperation::AddConstraint(Box::new(constraint)),
                None => return self.unexpected(p, "PRIMARY KEY, UNIQUE, CHECK or FOREIGN KEY"),
            },
            Some(ADD) => {
                let _ = p.parse_keyword(COLUMN);
                AlterOperation::AddColumn(self.column_definition(p)?)
            }
            Some(DROP) if p.parse_keyword(CONSTRAINT) => {
                AlterOperation::DropConstraint(self.ident(p, "the name of a constraint")?)
            }
            Some(DROP) => {
                let _ = p.parse_keyword(COLUMN);
                AlterOperation::DropColumn(self.ident(p, "the name of a column")?)
            }
            Some(_) => {
                let _ = p.parse_keyword(COLUMN);
                let column = self.ident(p, "the name of a column")?;
                AlterOperation::AlterColumn { column, change: self.column_change(p)? }
            }
            None => return self.unexpected(p, "RENAME, ADD, DROP or ALTER"),
        };
        Ok(Statement::AlterTable { table, operation: Box::new(operation) })
    }

    /// What follows ALTER COLUMN and its name.
    fn column_change(&self, p: &mut Parser) -> Parse<ColumnChange> {
        use Keyword::{DEFAULT, DROP, NOT, NULL, SET};
        let set = p.parse_keyword(SET);
        if set && p.peek_keyword(DEFAULT) {
            let start = self.next_span(p).start;
            p.advance();
            self.default_value(p)?;
            return Ok(ColumnChange::SetDefault(Span { start, end: self.last_end(p) }));
        }
        if set && p.parse_keyword(NOT) {
            self.keyword(p, NULL)?;
            return Ok(ColumnChange::SetNotNull);
        }
        if set && !self.word(p, "DATA") {
            return self.unexpected(p, "DEFAULT, NOT NULL or DATA TYPE behind SET");
        }
        if self.word(p, "TYPE") {
            return match self.type_name(p)? {
                Some(declared) => Ok(ColumnChange::Type(declared)),
                None => self.unexpected(p, "the name of a type"),
            };
        }
        if !set && p.parse_keyword(DROP) {
            if p.parse_keyword(DEFAULT) {
                return Ok(ColumnChange::DropDefault);
            }
            self.keyword(p, NOT)?;
            self.keyword(p, NULL)?;
            return Ok(ColumnChange::DropNotNull);
        }
        self.unexpected(p, "TYPE, SET or DROP")
    }
}

/// What a write has that SQLite does not let the statements of a trigger have.
fn beyond_triggers(statement: &Statement) -> Option<&'static str> {
    let (with, indexed) = match statement {
        Statement::Insert(insert) => (&insert.with, false),
        Statement::Update(update) => (&update.with, update.indexed.is_some()),
        Statement::Delete(delete) => (&delete.with, delete.indexed.is_some()),
        _ => return None,
    };
    let has_defaults = matches!(statement, Statement::Insert(insert) if insert.source.is_none());
    let found = [
        (with.is_some(), "WITH before INSERT, UPDATE or DELETE"),
        (indexed, "INDEXED BY or NOT INDEXED behind the table that they change"),
        (has_defaults, "DEFAULT VALUES"),
    ];
    found.into_iter().find_map(|(is_there, what)| is_there.then_some(what))
}
