//! The objects of an output, key by key. A key may stand twice in what iproute2 prints (`dst` of a route with an
//! encapsulation): the first one counts.
use std::fmt;
use std::net::IpAddr;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::Problem;

/// A row of objects with the name of its output.
pub(super) fn objects(output: (&str, &str)) -> Result<Vec<Object>, Problem> {
    let (name, text) = output;
    let whole = |what: String| Problem { output: name.to_owned(), entry: None, what };
    // `ip` prints nothing at all where there is nothing.
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let pairs: Vec<Pairs> =
        serde_json::from_str(text).map_err(|error| whole(format!("not the JSON of `ip -j`: {error}")))?;
    let numbered = pairs.into_iter().enumerate();
    Ok(numbered
        .map(|(at, Pairs(pairs))| Object {
            output: name.to_owned(),
            number: at + 1,
            about: String::new(),
            pairs,
        })
        .collect())
}

/// An object of which every key has to be taken.
#[derive(Debug)]
pub(super) struct Object {
    output: String,
    number: usize,
    /// What it is about, for errors.
    pub(super) about: String,
    pairs: Vec<(String, Value)>,
}

/// Keys and values in their order.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs: Vec<(String, Value)> = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        from.deserialize_map(InOrder)
    }
}

impl Object {
    /// An error about this object.
    pub(super) fn problem(&self, what: impl Into<String>) -> Problem {
        Problem {
            output: self.output.clone(),
            entry: Some((self.number, self.about.clone())),
            what: what.into(),
        }
    }

    /// The value of a key, which is taken out.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        let at = self.pairs.iter().position(|(own, _)| own == key)?;
        Some(self.pairs.remove(at).1)
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.pairs.iter().any(|(own, _)| own == key)
    }

    /// Whether a key was there and did not say no; it is taken out.
    pub(super) fn flag(&mut self, key: &str) -> bool {
        self.take(key).is_some_and(|value| value != Value::Bool(false))
    }

    fn wrong(&self, key: &str, value: &Value, wanted: &str) -> Problem {
        self.problem(format!("\"{key}\": {value}: wanted is {wanted}"))
    }

    /// A text; numbers are taken as their digits.
    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, Problem> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(other) => Err(self.wrong(key, &other, "a text")),
        }
    }

    /// A number, also as text and in hexadecimal (`"0x10"`).
    pub(super) fn number<T: TryFrom<u64>>(&mut self, key: &str) -> Result<Option<T>, Problem> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let number = match &value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => number_of(text),
            _ => None,
        };
        let wanted = format!("a number of {} bits", size_of::<T>() * 8);
        let number = number.and_then(|number| T::try_from(number).ok());
        number.map(Some).ok_or_else(|| self.wrong(key, &value, &wanted))
    }

    /// An address.
    pub(super) fn address(&mut self, key: &str) -> Result<Option<IpAddr>, Problem> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        match text.parse() {
            Ok(address) => Ok(Some(address)),
            Err(_) => Err(self.wrong(key, &Value::String(text), "an address")),
        }
    }

    /// The objects of a row within this one.
    pub(super) fn row(&mut self, key: &str) -> Result<Vec<Object>, Problem> {
        let Some(value) = self.take(key) else { return Ok(Vec::new()) };
        let Value::Array(values) = value else { return Err(self.wrong(key, &value, "a row")) };
        values.into_iter().map(|value| self.inner(key, value)).collect()
    }

    /// The object within this one.
    pub(super) fn object(&mut self, key: &str) -> Result<Option<Object>, Problem> {
        self.take(key).map(|value| self.inner(key, value)).transpose()
    }

    fn inner(&self, key: &str, value: Value) -> Result<Object, Problem> {
        let Value::Object(map) = value else { return Err(self.wrong(key, &value, "an object")) };
        let about = if self.about.is_empty() { key.to_owned() } else { format!("{}, {key}", self.about) };
        Ok(Object {
            output: self.output.clone(),
            number: self.number,
            about,
            pairs: map.into_iter().collect(),
        })
    }

    /// The words of a row of texts.
    pub(super) fn words(&mut self, key: &str) -> Result<Vec<String>, Problem> {
        let Some(value) = self.take(key) else { return Ok(Vec::new()) };
        let words = match &value {
            Value::Array(values) => {
                values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
            }
            _ => None,
        };
        words.ok_or_else(|| self.wrong(key, &value, "a row of texts"))
    }

    /// Takes keys out that change nothing here.
    pub(super) fn pass_over(&mut self, keys: &[&str]) {
        self.pairs.retain(|(own, _)| !keys.contains(&own.as_str()));
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<(), Problem> {
        match self.pairs.first() {
            None => Ok(()),
            Some((key, value)) => Err(self.problem(format!("\"{key}\": {value}: this key is not known"))),
        }
    }
}

/// A number in decimal or hexadecimal.
pub(super) fn number_of(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
