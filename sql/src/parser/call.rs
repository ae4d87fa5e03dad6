//! Function calls: arguments, FILTER, OVER, window definitions and frames.

use super::dialect::{Grammar, Parse};
use super::operand::function;
use super::spans::span_of;
use super::statement::Exclude;
use super::tokens::is_name;
use crate::error::Span;
use sqlparser::ast::{
    DuplicateTreatment, Expr, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList,
    FunctionArguments, Ident, NamedWindowDefinition, NamedWindowExpr, WindowFrame, WindowFrameBound,
    WindowFrameUnits, WindowSpec, WindowType,
};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

impl Grammar {
    /// A call behind its name: `([DISTINCT] ..) [FILTER (WHERE ..)] [OVER ..]`.
    pub(super) fn call(&self, p: &mut Parser, name: Ident) -> Parse<Box<Expr>> {
        p.advance_token();
        let mut list =
            FunctionArgumentList { duplicate_treatment: None, args: Vec::new(), clauses: Vec::new() };
        if p.peek_token_ref().token == Token::Mul && p.peek_nth_token_ref(1).token == Token::RParen {
            p.advance_token();
            list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Wildcard));
        } else {
            // The frames of a call are twice as large as others: it counts as two levels.
            self.nested(1, p, |g, p| g.arguments(p, &mut list))?;
        }
        self.token(p, &Token::RParen)?;
        let mut expr = function(name, FunctionArguments::List(list));
        if let Expr::Function(call) = expr.as_mut() {
            if p.peek_keyword(Keyword::FILTER) && p.peek_nth_token_ref(1).token == Token::LParen {
                p.advance_token();
                p.advance_token();
                self.keyword(p, Keyword::WHERE)?;
                call.filter = Some(self.expr(p, 0)?);
                self.token(p, &Token::RParen)?;
            }
            // OVER is an alias where no window follows, as in SQLite.
            let window = match &p.peek_nth_token_ref(1).token {
                Token::LParen => true,
                Token::Word(word) => is_name(word),
                _ => false,
            };
            if window && p.parse_keyword(Keyword::OVER) {
                call.over = Some(if p.peek_token_ref().token == Token::LParen {
                    WindowType::WindowSpec(self.window(p)?)
                } else {
                    WindowType::NamedWindow(self.ident(p, "the name of a window")?)
                });
            }
        }
        Ok(expr)
    }

    fn arguments(&self, p: &mut Parser, list: &mut FunctionArgumentList) -> Parse<()> {
        if p.parse_keyword(Keyword::DISTINCT) {
            list.duplicate_treatment = Some(DuplicateTreatment::Distinct);
        } else if p.parse_keyword(Keyword::ALL) {
            list.duplicate_treatment = Some(DuplicateTreatment::All);
        }
        if p.peek_token_ref().token == Token::RParen {
            return Ok(());
        }
        loop {
            let argument = self.expr(p, 0)?;
            push_argument(&mut list.args, argument);
            if !p.consume_token(&Token::Comma) {
                break;
            }
        }
        let order_by = self.order_by(p)?;
        if !order_by.is_empty() {
            list.clauses.push(FunctionArgumentClause::OrderBy(order_by));
        }
        Ok(())
    }

    /// `name AS (..)` of a WINDOW clause.
    pub(super) fn named_window(&self, p: &mut Parser) -> Parse<NamedWindowDefinition> {
        let name = self.ident(p, "the name of a window")?;
        self.keyword(p, Keyword::AS)?;
        Ok(NamedWindowDefinition(name, NamedWindowExpr::WindowSpec(self.window(p)?)))
    }

    /// `([base] [PARTITION BY ..] [ORDER BY ..] [frame])`.
    fn window(&self, p: &mut Parser) -> Parse<WindowSpec> {
        use Keyword::{GROUPS, PARTITION, RANGE, ROWS};
        self.token(p, &Token::LParen)?;
        let place = p.get_current_token().span;
        let frame_or_partition = p.peek_one_of_keywords(&[PARTITION, RANGE, ROWS, GROUPS]).is_some();
        let window_name = match !frame_or_partition && self.peek_name(p) {
            true => self.ident(p, "the name of a window")?,
            false => Ident { value: String::new(), quote_style: None, span: place },
        };
        let place = span_of(window_name.span);
        let partition_by = match p.parse_keyword(PARTITION) {
            true => {
                self.keyword(p, Keyword::BY)?;
                self.expr_list(p)?
            }
            false => Vec::new(),
        };
        let order_by = self.order_by(p)?;
        let window_frame = match p.peek_one_of_keywords(&[RANGE, ROWS, GROUPS]) {
            Some(_) => Some(self.frame(p, place)?),
            None => None,
        };
        self.token(p, &Token::RParen)?;
        Ok(WindowSpec { window_name: Some(window_name), partition_by, order_by, window_frame })
    }

    fn frame(&self, p: &mut Parser, place: Span) -> Parse<WindowFrame> {
        let units = match p.parse_one_of_keywords(&[Keyword::RANGE, Keyword::ROWS]) {
            Some(Keyword::RANGE) => WindowFrameUnits::Range,
            Some(_) => WindowFrameUnits::Rows,
            None => {
                self.keyword(p, Keyword::GROUPS)?;
                WindowFrameUnits::Groups
            }
        };
        let (start_bound, end_bound) = if p.parse_keyword(Keyword::BETWEEN) {
            let start = self.frame_bound(p)?;
            self.keyword(p, Keyword::AND)?;
            (start, Some(self.frame_bound(p)?))
        } else {
            (self.frame_bound(p)?, None)
        };
        self.exclude(p, place)?;
        Ok(WindowFrame { units, start_bound, end_bound })
    }

    fn frame_bound(&self, p: &mut Parser) -> Parse<WindowFrameBound> {
        if p.parse_keywords(&[Keyword::CURRENT, Keyword::ROW]) {
            return Ok(WindowFrameBound::CurrentRow);
        }
        let unbounded = p.peek_keyword(Keyword::UNBOUNDED)
            && matches!(&p.peek_nth_token_ref(1).token, Token::Word(word)
                if matches!(word.keyword, Keyword::PRECEDING | Keyword::FOLLOWING))
            && p.parse_keyword(Keyword::UNBOUNDED);
        let rows = if unbounded { None } else { Some(self.expr(p, 0)?) };
        match p.parse_one_of_keywords(&[Keyword::PRECEDING, Keyword::FOLLOWING]) {
            Some(Keyword::PRECEDING) => Ok(WindowFrameBound::Preceding(rows)),
            Some(_) => Ok(WindowFrameBound::Following(rows)),
            None => self.unexpected(p, "PRECEDING or FOLLOWING"),
        }
    }

    /// EXCLUDE of the window at `place`, which goes to the hints.
    fn exclude(&self, p: &mut Parser, place: Span) -> Parse<()> {
        if !p.parse_keyword(Keyword::EXCLUDE) {
            return Ok(());
        }
        let exclude = if p.parse_keyword(Keyword::NO) {
            if !self.word(p, "OTHERS") {
                return self.unexpected(p, "OTHERS");
            }
            Exclude::NoOthers
        } else if p.parse_keywords(&[Keyword::CURRENT, Keyword::ROW]) {
            Exclude::CurrentRow
        } else if p.parse_keyword(Keyword::GROUP) {
            Exclude::Group
        } else if p.parse_keyword(Keyword::TIES) {
            Exclude::Ties
        } else {
            return self.unexpected(p, "NO OTHERS, CURRENT ROW, GROUP or TIES");
        };
        self.hints.borrow_mut().exclude.push((place, exclude));
        Ok(())
    }
}

/// True for the name that stands in the tree of a window without a base: it says where the window is.
pub fn is_unnamed(name: &Ident) -> bool {
    name.value.is_empty() && name.quote_style.is_none()
}

/// Adds an argument, in a frame of its own.
fn push_argument(arguments: &mut Vec<FunctionArg>, argument: Box<Expr>) {
    arguments.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(*argument)));
}
