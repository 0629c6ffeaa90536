//! The key of a failure, which is the same for its repeats.

use flightrec_dump::ErrorNode;
use stackerr::StackTraces;

/// How many different addresses of each stack are in a key.
const KEY_ADDRESSES: usize = 24;

/// Returns the first different addresses of each stack as text. Each address counts once, so that the
/// depth of a recursion makes no difference. Names are not looked up. A stack that was read from a
/// backtrace of another crate has names, but no addresses.
pub(crate) fn stacks_text(stacks: &StackTraces) -> String {
    let mut text = String::new();
    for stack in stacks {
        if stack.addresses().is_empty() {
            for frame in stack.frames().iter().take(KEY_ADDRESSES) {
                text.push_str(frame.name());
                text.push_str(&format!(":{} ", frame.line().unwrap_or(0)));
            }
        }
        let mut seen = Vec::new();
        for &address in stack.addresses() {
            if seen.len() < KEY_ADDRESSES && !seen.contains(&address) {
                seen.push(address);
            }
        }
        for address in seen {
            text.push_str(&format!("{address:x} "));
        }
        text.push('/');
    }
    text
}

/// Adds the messages without digits, because different failures may have the same stack: that of a common
/// caller.
pub(crate) fn add_messages(error: &ErrorNode, key: &mut String) {
    key.extend(error.message.chars().filter(|char| !char.is_ascii_digit()));
    for source in &error.sources {
        add_messages(source, key);
    }
}
