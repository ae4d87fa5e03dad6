//! Column definitions, type names, constraints, keys and indexed columns.

use super::ast::{Expr, Ident, Value, ValueWithSpan};
use super::dialect::{Grammar, Parse};
use super::keyword::Keyword;
use super::place::span_of;
use super::statement::{
    ColumnConstraint, ColumnConstraintKind, ColumnDefinition, DeclaredType, ForeignAction, ForeignKey,
    IndexedColumn, OnConflict, TableConstraint, TableConstraintKind,
};
use super::stream::{Parser, Token};
use crate::error::Span;

/// The largest number of arguments that a type name has.
const TYPE_ARGUMENTS_MAX: usize = 2;

impl Grammar<'_> {
    /// `name [type] constraints`.
    pub(super) fn column_definition(&self, p: &mut Parser) -> Parse<ColumnDefinition> {
        let name = self.ident(p, "a column name")?;
        let start = span_of(name.span).start;
        let declared_type = self.type_name(p)?;
        let mut constraints = Vec::new();
        while let Some(constraint) = self.column_constraint(p)? {
            constraints.push(constraint);
        }
        let span = Span { start, end: self.last_end(p) };
        Ok(ColumnDefinition { name, declared_type, constraints, span })
    }

    /// A type name of any number of words with up to two signed numbers; `None` if no word is next.
    pub(super) fn type_name(&self, p: &mut Parser) -> Parse<Option<DeclaredType>> {
        let mut name = String::new();
        let mut span = None;
        while self.peek_type_word(p) {
            let word = self.ident(p, "a type name")?;
            if !name.is_empty() {
                name.push(' ');
            }
            name.push_str(&word.value);
            let place = span_of(word.span);
            span.get_or_insert(place).end = place.end;
        }
        let Some(mut span) = span else { return Ok(None) };
        let mut arguments = Vec::new();
        if p.consume(Token::LParen) {
            arguments = self.list(p, |g, p| g.type_argument(p))?;
            if arguments.len() > TYPE_ARGUMENTS_MAX {
                return self.unexpected(p, "at most two numbers behind a type name");
            }
            self.token(p, Token::RParen)?;
            span.end = self.last_end(p);
        }
        Ok(Some(DeclaredType { name, arguments, span }))
    }

    /// A word of a type; GENERATED ALWAYS begins a constraint.
    fn peek_type_word(&self, p: &Parser) -> bool {
        match p.peek() {
            Token::Word(Keyword::GENERATED) => !matches!(p.peek_nth(1), Token::Word(Keyword::ALWAYS)),
            Token::Word(word) => word.is_name(),
            Token::Quoted | Token::Text => true,
            _ => false,
        }
    }

    /// A signed number; a fraction is cut off, since no type asks for one.
    fn type_argument(&self, p: &mut Parser) -> Parse<i64> {
        let minus = p.consume(Token::Minus);
        if !minus {
            let _ = p.consume(Token::Plus);
        }
        if p.peek() != Token::Number {
            return self.unexpected(p, "a number");
        }
        let magnitude = match super::literal::number_value(self.next_text(p)) {
            Ok(crate::value::Value::Integer(integer)) => integer,
            Ok(crate::value::Value::Real(real)) => real as i64,
            _ => return self.unexpected(p, "a number"),
        };
        p.advance();
        Ok(if minus { magnitude.wrapping_neg() } else { magnitude })
    }

    fn constraint_name(&self, p: &mut Parser) -> Parse<Option<Ident>> {
        // Of several names the last counts, as in SQLite.
        let mut name = None;
        while p.parse_keyword(Keyword::CONSTRAINT) {
            name = Some(self.ident(p, "the name of a constraint")?);
        }
        Ok(name)
    }

    fn column_constraint(&self, p: &mut Parser) -> Parse<Option<ColumnConstraint>> {
        use Keyword::{
            ALWAYS, AS, CHECK, COLLATE, DEFAULT, GENERATED, KEY, NOT, NULL, PRIMARY, REFERENCES, UNIQUE,
        };
        let start = self.next_span(p).start;
        let name = self.constraint_name(p)?;
        let mut on_conflict = None;
        let kind = if p.parse_keyword(PRIMARY) {
            self.keyword(p, KEY)?;
            let descending = self.direction(p);
            on_conflict = self.on_conflict(p)?;
            let autoincrement = p.parse_keyword(Keyword::AUTOINCREMENT);
            ColumnConstraintKind::PrimaryKey { descending, autoincrement }
        } else if p.parse_keyword(NOT) {
            self.keyword(p, NULL)?;
            on_conflict = self.on_conflict(p)?;
            ColumnConstraintKind::NotNull
        } else if p.parse_keyword(NULL) {
            on_conflict = self.on_conflict(p)?;
            ColumnConstraintKind::Null
        } else if p.parse_keyword(UNIQUE) {
            on_conflict = self.on_conflict(p)?;
            ColumnConstraintKind::Unique
        } else if p.parse_keyword(CHECK) {
            let (expr, text) = self.expr_in_parentheses(p)?;
            on_conflict = self.on_conflict(p)?;
            ColumnConstraintKind::Check(expr, text)
        } else if p.parse_keyword(DEFAULT) {
            self.default_value(p)?
        } else if p.parse_keyword(COLLATE) {
            ColumnConstraintKind::Collate(self.ident(p, "the name of a collation")?)
        } else if p.peek_keyword(REFERENCES) {
            ColumnConstraintKind::References(self.references(p)?)
        } else if p.peek_one_of_keywords(&[GENERATED, AS]).is_some() {
            if p.parse_keyword(GENERATED) {
                self.keyword(p, ALWAYS)?;
            }
            self.keyword(p, AS)?;
            let (expr, text) = self.expr_in_parentheses(p)?;
            let stored = self.word(p, "STORED");
            if !stored {
                let _ = p.parse_keyword(Keyword::VIRTUAL);
            }
            ColumnConstraintKind::Generated { expr, text, stored }
        } else if name.is_some() && !matches!(p.peek(), Token::Comma | Token::RParen) {
            return self.unexpected(p, "a constraint");
        } else {
            return Ok(None);
        };
        let span = Span { start, end: self.last_end(p) };
        Ok(Some(ColumnConstraint { name, kind, on_conflict, span }))
    }

    /// `DEFAULT literal`, `DEFAULT -1`, `DEFAULT word` or `DEFAULT (expression)`.
    pub(super) fn default_value(&self, p: &mut Parser) -> Parse<ColumnConstraintKind> {
        let start = self.next_span(p).start;
        if p.peek() == Token::LParen {
            let (expr, text) = self.expr_in_parentheses(p)?;
            return Ok(ColumnConstraintKind::Default(expr, text));
        }
        // A term without operators: a word alone is its text, as in SQLite.
        let expr = match p.peek() {
            Token::Quoted => self.default_word(p)?,
            Token::Word(word)
                if word.is_name()
                    && !matches!(
                        word,
                        Keyword::TRUE
                            | Keyword::FALSE
                            | Keyword::CURRENT_DATE
                            | Keyword::CURRENT_TIME
                            | Keyword::CURRENT_TIMESTAMP
                    ) =>
            {
                self.default_word(p)?
            }
            _ => self.operand(p)?,
        };
        Ok(ColumnConstraintKind::Default(expr, self.text_from(p, start)))
    }

    /// A word that is the text it is written as.
    fn default_word(&self, p: &mut Parser) -> Parse<Expr> {
        let word = self.ident(p, "a default value")?;
        Ok(Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(word.value), span: word.span }))
    }

    /// `(expr)`, and the text between the parentheses.
    fn expr_in_parentheses(&self, p: &mut Parser) -> Parse<(Expr, String)> {
        self.token(p, Token::LParen)?;
        let start = self.next_span(p).start;
        let expr = *self.expr(p, 0)?;
        let text = self.text_from(p, start);
        self.token(p, Token::RParen)?;
        Ok((expr, text))
    }

    /// ASC or DESC; true for DESC.
    pub(super) fn direction(&self, p: &mut Parser) -> bool {
        p.parse_one_of_keywords(&[Keyword::ASC, Keyword::DESC]) == Some(Keyword::DESC)
    }

    fn on_conflict(&self, p: &mut Parser) -> Parse<Option<OnConflict>> {
        if p.parse_keywords(&[Keyword::ON, Keyword::CONFLICT]) {
            self.resolution(p).map(Some)
        } else {
            Ok(None)
        }
    }

    /// `REFERENCES table [(columns)] actions`.
    fn references(&self, p: &mut Parser) -> Parse<ForeignKey> {
        use Keyword::{DEFERRABLE, DEFERRED, DELETE, IMMEDIATE, INITIALLY, INSERT, MATCH, NOT, ON, UPDATE};
        self.keyword(p, Keyword::REFERENCES)?;
        let mut key = ForeignKey {
            table: self.ident(p, "the name of a table")?,
            columns: match p.peek() {
                Token::LParen => self.ident_list(p, "a column name")?,
                _ => Vec::new(),
            },
            on_delete: ForeignAction::default(),
            on_update: ForeignAction::default(),
            deferred: false,
        };
        loop {
            if p.parse_keyword(MATCH) {
                // SQLite reads MATCH and ignores it.
                self.ident(p, "a kind of match")?;
            } else if p.peek_keyword(ON) {
                p.advance();
                match p.parse_one_of_keywords(&[DELETE, UPDATE, INSERT]) {
                    Some(DELETE) => key.on_delete = self.foreign_action(p)?,
                    Some(UPDATE) => key.on_update = self.foreign_action(p)?,
                    Some(_) => drop(self.foreign_action(p)?),
                    None => return self.unexpected(p, "DELETE or UPDATE"),
                }
            } else if p.peek_keyword(DEFERRABLE)
                || p.peek_keyword(NOT) && matches!(p.peek_nth(1), Token::Word(DEFERRABLE))
            {
                let not = p.parse_keyword(NOT);
                self.keyword(p, DEFERRABLE)?;
                let deferred = p.parse_keyword(INITIALLY)
                    && match p.parse_one_of_keywords(&[DEFERRED, IMMEDIATE]) {
                        Some(timing) => timing == DEFERRED,
                        None => return self.unexpected(p, "DEFERRED or IMMEDIATE"),
                    };
                key.deferred = deferred && !not;
            } else {
                return Ok(key);
            }
        }
    }

    fn foreign_action(&self, p: &mut Parser) -> Parse<ForeignAction> {
        use Keyword::{ACTION, CASCADE, DEFAULT, NO, NULL, RESTRICT, SET};
        Ok(if p.parse_keyword(CASCADE) {
            ForeignAction::Cascade
        } else if p.parse_keyword(RESTRICT) {
            ForeignAction::Restrict
        } else if p.parse_keywords(&[SET, NULL]) {
            ForeignAction::SetNull
        } else if p.parse_keywords(&[SET, DEFAULT]) {
            ForeignAction::SetDefault
        } else if p.parse_keywords(&[NO, ACTION]) {
            ForeignAction::NoAction
        } else {
            return self.unexpected(p, "CASCADE, RESTRICT, SET NULL, SET DEFAULT or NO ACTION");
        })
    }

    /// Whether a table constraint is next.
    pub(super) fn peek_table_constraint(&self, p: &Parser) -> bool {
        use Keyword::{CHECK, CONSTRAINT, FOREIGN, PRIMARY, UNIQUE};
        p.peek_one_of_keywords(&[CONSTRAINT, PRIMARY, UNIQUE, CHECK, FOREIGN]).is_some()
    }

    /// A constraint of a table; `None` for a name alone, which constrains nothing.
    pub(super) fn table_constraint(&self, p: &mut Parser) -> Parse<Option<TableConstraint>> {
        use Keyword::{AUTOINCREMENT, CHECK, FOREIGN, KEY, PRIMARY, UNIQUE};
        let start = self.next_span(p).start;
        let name = self.constraint_name(p)?;
        let kind = match p.parse_one_of_keywords(&[PRIMARY, UNIQUE, CHECK, FOREIGN]) {
            Some(PRIMARY) => {
                self.keyword(p, KEY)?;
                self.token(p, Token::LParen)?;
                let columns = self.list(p, |g, p| g.indexed_column(p))?;
                let autoincrement = p.parse_keyword(AUTOINCREMENT);
                self.token(p, Token::RParen)?;
                TableConstraintKind::PrimaryKey { columns, autoincrement }
            }
            Some(UNIQUE) => TableConstraintKind::Unique(self.indexed_columns(p)?),
            Some(CHECK) => {
                let (expr, text) = self.expr_in_parentheses(p)?;
                TableConstraintKind::Check(expr, text)
            }
            Some(_) => {
                self.keyword(p, KEY)?;
                let columns = self.ident_list(p, "a column name")?;
                TableConstraintKind::ForeignKey { columns, key: self.references(p)? }
            }
            None if name.is_some() && matches!(p.peek(), Token::Comma | Token::RParen) => {
                return Ok(None);
            }
            None => return self.unexpected(p, "PRIMARY KEY, UNIQUE, CHECK or FOREIGN KEY"),
        };
        let on_conflict = self.on_conflict(p)?;
        Ok(Some(TableConstraint { name, kind, on_conflict, span: Span { start, end: self.last_end(p) } }))
    }

    /// `(a, b COLLATE c DESC, expr)`.
    pub(super) fn indexed_columns(&self, p: &mut Parser) -> Parse<Vec<IndexedColumn>> {
        self.token(p, Token::LParen)?;
        let columns = self.list(p, |g, p| g.indexed_column(p))?;
        self.token(p, Token::RParen)?;
        Ok(columns)
    }

    fn indexed_column(&self, p: &mut Parser) -> Parse<IndexedColumn> {
        let start = self.next_span(p).start;
        let mut expr = *self.expr(p, 0)?;
        let mut text = self.text_from(p, start);
        let mut collation = None;
        if let Expr::Collate { expr: inner, collation: ident } = expr {
            // The text of the expression ends in front of COLLATE and the collation's name.
            let end = span_of(ident.span).start.saturating_sub(start);
            let before = text.get(..end).unwrap_or("").trim_end();
            let keep = before.len().saturating_sub("COLLATE".len());
            text = before.get(..keep).unwrap_or("").trim_end().to_owned();
            collation = Some(*ident);
            expr = *inner;
        }
        // As in SQLite a string stands for the column of that name.
        if let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(name), span }) = expr {
            expr = Expr::Identifier(Ident { value: name, quoted: true, span });
        }
        let descending = self.direction(p);
        Ok(IndexedColumn { expr, text, collation, descending })
    }
}
