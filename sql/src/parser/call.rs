//! Function calls: arguments, FILTER, OVER, window definitions and frames.

use super::ast::{
    Expr, FunctionArguments, Ident, NamedWindowDefinition, WindowFrame, WindowFrameBound, WindowFrameUnits,
    WindowSpec, WindowType,
};
use super::dialect::{Grammar, Parse};
use super::keyword::Keyword;
use super::operand::function;
use super::place::span_of;
use super::statement::Exclude;
use super::stream::{Parser, Token};
use crate::error::Span;
use smol_str::SmolStr;

impl Grammar<'_> {
    /// A call behind its name: `([DISTINCT] ..) [WITHIN GROUP (ORDER BY ..)] [FILTER (WHERE ..)] [OVER ..]`.
    pub(super) fn call(&self, p: &mut Parser, name: Ident) -> Parse<Box<Expr>> {
        p.advance();
        let arguments = if p.peek() == Token::Mul && p.peek_nth(1) == Token::RParen {
            p.advance();
            FunctionArguments::Wildcard
        } else {
            // The frames of a call are twice as large as others: it counts as two levels.
            self.nested(1, p, |g, p| g.arguments(p))?
        };
        self.token(p, Token::RParen)?;
        let mut expr = function(name, arguments);
        if let Expr::Function(call) = expr.as_mut() {
            call.within_group = self.within_group(p, &mut call.args)?;
            if p.peek_keyword(Keyword::FILTER) && p.peek_nth(1) == Token::LParen {
                p.advance();
                p.advance();
                self.keyword(p, Keyword::WHERE)?;
                call.filter = Some(*self.expr(p, 0)?);
                self.token(p, Token::RParen)?;
            }
            // OVER is an alias where no window follows, as in SQLite.
            let window = match p.peek_nth(1) {
                Token::LParen => true,
                Token::Word(word) => word.is_name(),
                Token::Quoted => true,
                _ => false,
            };
            if window && p.parse_keyword(Keyword::OVER) {
                call.over = Some(if p.peek() == Token::LParen {
                    WindowType::WindowSpec(self.window(p)?)
                } else {
                    WindowType::NamedWindow(self.ident(p, "the name of a window")?)
                });
            }
        }
        Ok(expr)
    }

    /// `WITHIN GROUP (ORDER BY x)`, which puts x before the other arguments. WITHIN is an alias where GROUP does not
    /// follow.
    fn within_group(&self, p: &mut Parser, arguments: &mut FunctionArguments) -> Parse<bool> {
        let FunctionArguments::List { args, order_by, .. } = arguments else { return Ok(false) };
        let follows = p.peek_nth(1) == Token::Word(Keyword::GROUP) && p.peek_nth(2) == Token::LParen;
        if !follows || !self.word(p, "WITHIN") {
            return Ok(false);
        }
        p.advance();
        p.advance();
        let mut terms = self.order_by(p)?;
        match (terms.pop(), terms.is_empty() && order_by.is_empty()) {
            (Some(term), true) if !term.options.descending => args.insert(0, term.expr),
            _ => return self.unexpected(p, "ORDER BY and one expression in ascending order"),
        }
        self.token(p, Token::RParen)?;
        Ok(true)
    }

    fn arguments(&self, p: &mut Parser) -> Parse<FunctionArguments> {
        let distinct = p.parse_one_of_keywords(&[Keyword::DISTINCT, Keyword::ALL]) == Some(Keyword::DISTINCT);
        if p.peek() == Token::RParen {
            return Ok(FunctionArguments::List { distinct, args: Vec::new(), order_by: Vec::new() });
        }
        let args = self.expr_list(p)?;
        Ok(FunctionArguments::List { distinct, args, order_by: self.order_by(p)? })
    }

    /// `name AS (..)` of a WINDOW clause.
    pub(super) fn named_window(&self, p: &mut Parser) -> Parse<NamedWindowDefinition> {
        let name = self.ident(p, "the name of a window")?;
        self.keyword(p, Keyword::AS)?;
        Ok(NamedWindowDefinition(name, self.window(p)?))
    }

    /// `([base] [PARTITION BY ..] [ORDER BY ..] [frame])`.
    fn window(&self, p: &mut Parser) -> Parse<WindowSpec> {
        use Keyword::{GROUPS, PARTITION, RANGE, ROWS};
        self.token(p, Token::LParen)?;
        let place = p.last_place();
        let frame_or_partition = p.peek_one_of_keywords(&[PARTITION, RANGE, ROWS, GROUPS]).is_some();
        let window_name = match !frame_or_partition && self.peek_name(p) {
            true => self.ident(p, "the name of a window")?,
            false => Ident { value: SmolStr::default(), quoted: false, span: place },
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
        self.token(p, Token::RParen)?;
        Ok(WindowSpec { window_name, partition_by, order_by, window_frame })
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
            && matches!(p.peek_nth(1), Token::Word(Keyword::PRECEDING | Keyword::FOLLOWING))
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
    name.value.is_empty() && !name.quoted
}
