//! The key-values of a record.

use flightrec::Value;

/// `key=value`, unescaped; text that would be hard to tell from its surroundings in quotes.
pub(crate) fn pair(key: &str, value: &Value) -> String {
    format!("{key}={}", text(value))
}

/// The value as text, unescaped.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Text(text) if is_plain(text) => text.clone(),
        // Without an error for what was read out of JSON.
        value => serde_json::to_string(value).unwrap_or_default(),
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains([' ', '"', '=', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_where_it_is_needed() {
        let text = |text: &str| pair("k", &Value::Text(text.to_owned()));
        assert_eq!(text("a/b"), "k=a/b");
        assert_eq!(text("a b"), "k=\"a b\"");
        assert_eq!(text("two\nlines"), "k=\"two\\nlines\"");
        assert_eq!(text(""), "k=\"\"");
        assert_eq!(pair("k", &Value::Int(7)), "k=7");
        assert_eq!(
            pair("k", &Value::List(vec![Value::Int(7), Value::Null])),
            "k=[7,null]"
        );
    }
}
