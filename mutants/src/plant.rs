//! Plants all mutants of a source file at once, each behind the switch: `if crate::mutants::is(7) { a != b } else { a == b
//! }`. The text between stays as it was, so that a report names the lines of the original.
//!
//! What is planted: a function's body replaced by a plain value of its type, a binary operator by another, `!` and `-`
//! taken away, a condition negated, an arm of a `match` that has a `_` arm taken away, the guard of an arm made true or
//! false. Not in constants, `const fn`, macros, patterns, types, nor in anything that is compiled for tests only.
use std::ops::Range;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Block, Expr, ImplItemFn, ItemFn, Pat, ReturnType, Signature, Type, UnOp};

/// A mutant.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// Its number at the switch.
    pub number: u32,
    /// The file, from the workspace's folder.
    pub file: String,
    /// The line of the original, from 1.
    pub line: usize,
    /// The column of the original, from 1.
    pub column: usize,
    /// The function that it is in.
    pub function: String,
    /// What is changed, in words.
    pub change: String,
    /// The line of the original, blanks cut.
    pub text: String,
}

/// A text that goes in at a byte of the original, and which mutant it belongs to.
struct Insertion {
    at: usize,
    text: String,
    /// For the order at one byte: ends come before beginnings, inner ends before outer ones, outer beginnings before inner
    /// ones, whichever was planted first.
    order: (u8, i64, i64),
    mutant: Option<u32>,
}

/// The planted text with the bytes of it that belong to each mutant.
pub struct Planted {
    /// The whole file.
    pub text: String,
    /// What was planted.
    pub mutants: Vec<Mutant>,
    /// Where: bytes of `text`, and the number.
    pub places: Vec<(Range<usize>, u32)>,
}

/// Plants what `wanted` allows. `next` is the first free number.
pub fn plant(
    file: &str,
    source: &str,
    next: &mut u32,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Planted, String> {
    let syntax = syn::parse_file(source).map_err(|error| format!("{file}: {error}"))?;
    let mut planter = Planter {
        file,
        source,
        next,
        wanted,
        functions: Vec::new(),
        insertions: Vec::new(),
        mutants: Vec::new(),
        serial: 0,
    };
    planter.visit_file(&syntax);
    let Planter { mut insertions, mutants, .. } = planter;
    insertions.sort_by_key(|insertion| (insertion.at, insertion.order));
    let (mut text, mut places, mut done) = (String::new(), Vec::new(), 0);
    for insertion in insertions {
        text.push_str(&source[done..insertion.at]);
        done = insertion.at;
        let start = text.len();
        text.push_str(&insertion.text);
        if let Some(number) = insertion.mutant {
            places.push((start..text.len(), number));
        }
    }
    text.push_str(&source[done..]);
    Ok(Planted { text, mutants, places })
}

struct Planter<'a> {
    file: &'a str,
    source: &'a str,
    next: &'a mut u32,
    wanted: &'a dyn Fn(&str) -> bool,
    functions: Vec<String>,
    insertions: Vec<Insertion>,
    mutants: Vec<Mutant>,
    serial: i64,
}

impl Planter<'_> {
    /// A number for a change at a byte, unless this one is not wanted.
    fn number(&mut self, at: usize, change: String) -> Option<u32> {
        let before = &self.source[..at];
        let line = before.matches('\n').count() + 1;
        let column = at - before.rfind('\n').map_or(0, |end| end + 1) + 1;
        let function = self.functions.join("::");
        if !(self.wanted)(&format!("{}:{line}:{column}: {change}", self.file)) {
            return None;
        }
        let number = *self.next;
        *self.next += 1;
        let text = self.source.lines().nth(line - 1).unwrap_or_default().trim().to_owned();
        self.mutants.push(Mutant {
            number,
            file: self.file.to_owned(),
            line,
            column,
            function,
            change,
            text,
        });
        Some(number)
    }

    /// Text before a range.
    fn begin(&mut self, range: &Range<usize>, text: String, mutant: Option<u32>) {
        self.serial += 1;
        let order = (1, -length(range), self.serial);
        self.insertions.push(Insertion { at: range.start, text, order, mutant });
    }

    /// Text behind it.
    fn end(&mut self, range: &Range<usize>, text: &str) {
        self.serial += 1;
        let order = (0, length(range), -self.serial);
        self.insertions.push(Insertion { at: range.end, text: text.to_owned(), order, mutant: None });
    }

    /// Other texts for an expression, each with its description.
    fn instead(&mut self, range: Range<usize>, shown: usize, others: Vec<(String, String)>) {
        let mut some = false;
        for (change, text) in others {
            let Some(number) = self.number(shown, change) else { continue };
            let open = if some { "" } else { "(" };
            self.begin(
                &range,
                format!("{open}if crate::mutants::is({number}) {{ {text} }} else "),
                Some(number),
            );
            some = true;
        }
        if some {
            self.begin(&range, "{ ".to_owned(), None);
            self.end(&range, " })");
        }
    }

    fn text(&self, range: Range<usize>) -> String {
        self.source[range].to_owned()
    }

    /// A function, by itself and with what stands in it.
    fn function(&mut self, signature: &Signature, block: &Block) {
        self.functions.push(signature.ident.to_string());
        self.body(signature, block);
        visit::visit_block(self, block);
        self.functions.pop();
    }

    fn body(&mut self, signature: &Signature, block: &Block) {
        let at = block.span().byte_range().start + 1;
        let name = signature.ident.to_string();
        if block.stmts.is_empty() {
            return;
        }
        let values = match &signature.output {
            ReturnType::Default => vec!["()".to_owned()],
            ReturnType::Type(_, kind) => values(kind, &name),
        };
        let trimmed = |text: &str| text.split_whitespace().collect::<String>();
        let own = trimmed(&self.text(block.span().byte_range()));
        for value in values {
            if own == format!("{{{}}}", trimmed(&value)) {
                continue;
            }
            let Some(number) = self
                .number(signature.fn_token.span().byte_range().start, format!("replace {name} with {value}"))
            else {
                continue;
            };
            let range = at..self.source.len();
            self.begin(
                &range,
                format!(" if crate::mutants::is({number}) {{ return {value}; }}"),
                Some(number),
            );
        }
    }

    /// A condition that no operator makes: it is negated.
    fn condition(&mut self, expr: &Expr) {
        match expr {
            Expr::Binary(binary) if matches!(binary.op, BinOp::And(_) | BinOp::Or(_)) => {
                self.condition(&binary.left);
                self.condition(&binary.right);
            }
            Expr::Paren(inner) => self.condition(&inner.expr),
            Expr::Call(_) | Expr::MethodCall(_) | Expr::Path(_) | Expr::Field(_) | Expr::Macro(_) => {
                let range = expr.span().byte_range();
                let text = self.text(range.clone());
                self.instead(
                    range.clone(),
                    range.start,
                    vec![(format!("negate {}", short(&text)), format!("!({text})"))],
                );
            }
            _ => {}
        }
    }
}

fn length(range: &Range<usize>) -> i64 {
    i64::try_from(range.len()).unwrap_or(i64::MAX)
}

fn short(text: &str) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() > 60 { format!("{}…", flat.chars().take(59).collect::<String>()) } else { flat }
}

/// Whether an attribute keeps an item to tests.
fn for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && matches!(&attribute.meta, syn::Meta::List(list) if list.tokens.to_string().contains("test"))
    })
}

fn has_let(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Planter<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_trait_item_const(&mut self, _: &'ast syn::TraitItemConst) {}
    fn visit_expr_const(&mut self, _: &'ast syn::ExprConst) {}
    fn visit_type(&mut self, _: &'ast Type) {}
    fn visit_pat(&mut self, _: &'ast Pat) {}
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
    fn visit_item_enum(&mut self, _: &'ast syn::ItemEnum) {}
    fn visit_generic_argument(&mut self, _: &'ast syn::GenericArgument) {}
    fn visit_expr_repeat(&mut self, repeat: &'ast syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if for_tests(&item.attrs) || item.sig.constness.is_some() {
            return;
        }
        self.function(&item.sig, &item.block);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let of = item
            .trait_
            .as_ref()
            .and_then(|(_, path, _)| path.segments.last().map(|last| last.ident.to_string()));
        if for_tests(&item.attrs) || of.is_some_and(|of| of == "Debug") {
            return;
        }
        let own = item.self_ty.span().byte_range();
        let name: String = self.text(own).split(['<', ' ']).next().unwrap_or_default().to_owned();
        self.functions.push(name);
        for own in &item.items {
            self.visit_impl_item(own);
        }
        self.functions.pop();
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if for_tests(&item.attrs) || item.sig.constness.is_some() {
            return;
        }
        self.function(&item.sig, &item.block);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        let Some(block) = &item.default else { return };
        self.function(&item.sig, block);
    }

    fn visit_expr_if(&mut self, expr: &'ast syn::ExprIf) {
        self.condition(&expr.cond);
        visit::visit_expr_if(self, expr);
    }

    fn visit_expr_binary(&mut self, expr: &'ast syn::ExprBinary) {
        let others = operators(&expr.op);
        let (left, operator, right) =
            (expr.left.span().byte_range(), expr.op.span().byte_range(), expr.right.span().byte_range());
        if !others.is_empty() && !has_let(&expr.left) && !has_let(&expr.right) {
            let (left_text, right_text) = (self.text(left.clone()), self.text(right.clone()));
            let own = self.text(operator.clone());
            let texts = others
                .iter()
                .map(|other| {
                    // Why: the operands are set in parentheses, for another operator may bind otherwise; but what is
                    // assigned to is a place.
                    let text = if other.ends_with('=') && !matches!(*other, "==" | "!=" | "<=" | ">=") {
                        format!("{left_text} {other} {right_text}")
                    } else {
                        format!("({left_text}) {other} ({right_text})")
                    };
                    (format!("replace {own} with {other}"), text)
                })
                .collect();
            self.instead(left.start..right.end, operator.start, texts);
        }
        visit::visit_expr_binary(self, expr);
    }

    fn visit_expr_unary(&mut self, expr: &'ast syn::ExprUnary) {
        let operator = match expr.op {
            UnOp::Not(_) => "!",
            UnOp::Neg(_) if !matches!(*expr.expr, Expr::Lit(_)) => "-",
            _ => return visit::visit_expr_unary(self, expr),
        };
        let (range, inner) = (expr.span().byte_range(), expr.expr.span().byte_range());
        let text = self.text(inner);
        self.instead(range.clone(), range.start, vec![(format!("delete {operator}"), text)]);
        visit::visit_expr_unary(self, expr);
    }

    fn visit_expr_match(&mut self, expr: &'ast syn::ExprMatch) {
        let last = expr.arms.iter().rposition(|arm| matches!(arm.pat, Pat::Wild(_)) && arm.guard.is_none());
        for (at, arm) in expr.arms.iter().enumerate() {
            let pattern = arm.pat.span().byte_range();
            let shown = short(&self.text(pattern.clone()));
            let number = match last {
                Some(last) if at < last => self.number(pattern.start, format!("delete match arm {shown}")),
                _ => None,
            };
            match &arm.guard {
                None => {
                    if let Some(number) = number {
                        let behind = pattern.end..pattern.end;
                        self.begin(&behind, format!(" if !crate::mutants::is({number})"), Some(number));
                    }
                }
                Some((_, guard)) => {
                    let range = guard.span().byte_range();
                    if let Some(number) = number {
                        self.begin(&range, format!("!crate::mutants::is({number}) && "), Some(number));
                    }
                    if has_let(guard) {
                        continue;
                    }
                    let with = |value: &str| (format!("replace match guard with {value}"), value.to_owned());
                    self.instead(range.clone(), range.start, vec![with("true"), with("false")]);
                    // Why: parentheses of its own, for what stands before it binds closer than `||`.
                    self.begin(&range, "(".to_owned(), None);
                    self.end(&range, ")");
                }
            }
        }
        visit::visit_expr_match(self, expr);
    }
}

fn operators(operator: &BinOp) -> &'static [&'static str] {
    match operator {
        BinOp::Eq(_) => &["!="],
        BinOp::Ne(_) => &["=="],
        BinOp::And(_) => &["||"],
        BinOp::Or(_) => &["&&"],
        BinOp::Lt(_) => &["<=", "==", ">"],
        BinOp::Gt(_) => &[">=", "==", "<"],
        BinOp::Le(_) => &["<", ">"],
        BinOp::Ge(_) => &[">", "<"],
        BinOp::Add(_) => &["-", "*"],
        BinOp::Sub(_) => &["+", "/"],
        BinOp::Mul(_) => &["+", "/"],
        BinOp::Div(_) => &["%", "*"],
        BinOp::Rem(_) => &["/", "+"],
        BinOp::BitAnd(_) => &["|", "^"],
        BinOp::BitOr(_) => &["&", "^"],
        BinOp::BitXor(_) => &["|", "&"],
        BinOp::Shl(_) => &[">>"],
        BinOp::Shr(_) => &["<<"],
        BinOp::AddAssign(_) => &["-=", "*="],
        BinOp::SubAssign(_) => &["+=", "/="],
        BinOp::MulAssign(_) => &["+=", "/="],
        BinOp::DivAssign(_) => &["%=", "*="],
        BinOp::RemAssign(_) => &["/=", "+="],
        BinOp::BitAndAssign(_) => &["|=", "^="],
        BinOp::BitOrAssign(_) => &["&=", "^="],
        BinOp::BitXorAssign(_) => &["|=", "&="],
        BinOp::ShlAssign(_) => &[">>="],
        BinOp::ShrAssign(_) => &["<<="],
        _ => &[],
    }
}

/// Plain values of a type. What does not compile is found by the compiler and taken away.
fn values(kind: &Type, name: &str) -> Vec<String> {
    let several = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    match kind {
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else { return Vec::new() };
            let inner: Vec<&Type> = match &last.arguments {
                syn::PathArguments::AngleBracketed(arguments) => arguments
                    .args
                    .iter()
                    .filter_map(|argument| match argument {
                        syn::GenericArgument::Type(inner) => Some(inner),
                        _ => None,
                    })
                    .collect(),
                _ => Vec::new(),
            };
            let of = |made: &str| {
                inner.first().map_or_else(Vec::new, |first| {
                    values(first, name).into_iter().map(|value| format!("{made}({value})")).collect()
                })
            };
            match last.ident.to_string().as_str() {
                "bool" => several(&["true", "false"]),
                "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => several(&["0", "1"]),
                "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => several(&["0", "1", "-1"]),
                "String" => several(&["String::new()", "\"xyzzy\".into()"]),
                "Option" => [several(&["None"]), of("Some")].concat(),
                "Result" if name == "fmt" => several(&["Ok(())"]),
                "Result" => of("Ok"),
                "Held" => several(&["Ok(())", "Err(Miss::Undecided(\"a mutant\"))"]),
                "Effect" => several(&["Effect::Continue", "Effect::Dropped"]),
                "Vec" => several(&["Vec::new()"]),
                _ => several(&["Default::default()"]),
            }
        }
        Type::Tuple(tuple) if tuple.elems.is_empty() => several(&["()"]),
        Type::Tuple(tuple) => {
            let parts: Vec<Vec<String>> = tuple.elems.iter().map(|part| values(part, name)).collect();
            if parts.iter().any(Vec::is_empty) {
                return Vec::new();
            }
            let most = parts.iter().map(Vec::len).max().unwrap_or(0);
            let at = |at: usize| {
                let own: Vec<&str> = parts.iter().map(|part| part[at.min(part.len() - 1)].as_str()).collect();
                format!("({},)", own.join(", "))
            };
            (0..most).map(at).collect()
        }
        Type::Reference(reference) if reference.mutability.is_none() => match &*reference.elem {
            Type::Path(path) if path.path.is_ident("str") => several(&["\"\"", "\"xyzzy\""]),
            Type::Slice(_) => several(&["&[]"]),
            _ => Vec::new(),
        },
        Type::Array(_) => several(&["Default::default()"]),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
