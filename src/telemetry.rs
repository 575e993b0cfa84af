//! Events: what is written, how, and what is never written.
//!
//! Only Keyward's own events may be written below the level `info`. Libraries write headers,
//! statements and raw bytes at `debug` and `trace`, so no filter opens those.

pub mod metrics;
pub mod traces;

use std::{
    fmt::Write as _,
    io::{self, Write},
    panic::PanicHookInfo,
};

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::filter_fn,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One line of text each.
    Text,
    /// One JSON object each.
    Json,
}

/// Why nothing can be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("KEYWARD_LOG is not a log filter")]
    Filter,
    /// Something else in this process writes the log already.
    #[error("the log was set up twice")]
    Twice,
}

/// Whether `text` is a filter such as `info` or `warn,keyward::keys=debug`.
pub fn is_filter(text: &str) -> bool {
    EnvFilter::builder().parse(text).is_ok()
}

/// Writes the events that pass `filter` to standard error from now on, and a line for each panic.
pub fn init(filter: &str, format: LogFormat) -> Result<(), TelemetryError> {
    subscriber(filter, format, io::stderr)?.try_init().map_err(|_| TelemetryError::Twice)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Where, never what: the message of a panic may hold what the code had in hands.
fn log_panic(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(location, thread = thread.name().unwrap_or("unnamed"), "a panic, a fault in the program");
}

fn subscriber<W>(
    filter: &str,
    format: LogFormat,
    writer: W,
) -> Result<impl Subscriber + Send + Sync + for<'a> LookupSpan<'a>, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse(filter).map_err(|_| TelemetryError::Filter)?;
    let lines = fmt::layer().with_ansi(false).with_writer(OneLine(writer));
    let layer = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
        }
    };
    // Filters of the whole, not of the layer: those remember what was asked last on a thread, and a library that only
    // asks whether it should write something, as sqlx does after each statement, would cost us our next event.
    Ok(Registry::default().with(filter).with(filter_fn(may_be_written)).with(layer))
}

fn may_be_written(event: &Metadata<'_>) -> bool {
    let own = event.target() == "keyward" || event.target().starts_with("keyward::");
    own || *event.level() <= Level::INFO
}

/// Keeps each event on one line without control characters, so that no logged value can forge a
/// line or steer a terminal. The escapes are JSON's, so JSON lines stay JSON.
struct OneLine<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for OneLine<W> {
    type Writer = OneLine<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        OneLine(self.0.make_writer())
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Self::Writer {
        OneLine(self.0.make_writer_for(meta))
    }
}

impl<W: Write> Write for OneLine<W> {
    /// Takes one whole event: the formatter hands each over in one piece.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(one_line(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn one_line(event: &str) -> String {
    let mut line = String::with_capacity(event.len() + 1);
    for c in event.strip_suffix('\n').unwrap_or(event).chars() {
        // The last three: line separators and what turns the direction of writing.
        if c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            // Writing into a String does not fail.
            let _ = write!(line, "\\u{:04x}", u32::from(c));
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
pub(crate) mod testing {
    //! Catches what a test logs.

    use std::sync::{Arc, Mutex, Once};

    use tracing::subscriber::DefaultGuard;

    use super::*;

    /// Hears everything and keeps nothing. Without it, a thread on which nobody listens may be the first to
    /// pass an event, and tracing would then switch that event off for the whole process.
    static LISTENER: Once = Once::new();

    /// What this thread has logged since [`Captured::start`].
    pub(crate) struct Captured {
        memory: Memory,
        _guard: DefaultGuard,
    }

    impl Captured {
        pub(crate) fn start(filter: &str, format: LogFormat) -> Self {
            LISTENER.call_once(|| {
                // Only what is installed first counts, and every test installs the same.
                let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
            });
            let memory = Memory::default();
            let writer = memory.clone();
            let subscriber = subscriber(filter, format, move || writer.clone()).unwrap();
            Self { memory, _guard: tracing::subscriber::set_default(subscriber) }
        }

        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.memory.0.lock().unwrap().clone()).unwrap()
        }
    }

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{testing::Captured, *};

    fn logged(filter: &str, format: LogFormat, events: impl FnOnce()) -> String {
        let captured = Captured::start(filter, format);
        events();
        captured.text()
    }

    #[test]
    fn no_filter_opens_what_libraries_say_below_info() {
        for filter in
            ["trace", "hyper=trace,sqlx=trace,trace", "keyward=trace,hyper::proto=debug,keyward_other=trace"]
        {
            let text = logged(filter, LogFormat::Text, || {
                tracing::trace!(target: "hyper::proto", "canary");
                tracing::debug!(target: "sqlx::query", "canary");
                tracing::debug!(target: "h2::codec", "canary");
                tracing::trace!(target: "log", "canary");
                tracing::debug!(target: "keyward_other", "canary");
                tracing::trace!(target: "keyward::keys", "own");
                tracing::trace!(target: "keyward", "own");
            });
            assert!(!text.contains("canary"), "{filter}: {text}");
            assert_eq!(text.matches("own").count(), 2, "{filter}: {text}");
        }
    }

    #[test]
    fn libraries_are_heard_from_info_on() {
        let text = logged("info", LogFormat::Text, || tracing::warn!(target: "sqlx", "slow"));
        assert!(text.contains("slow"));
    }

    #[test]
    fn an_event_after_a_question_is_written() {
        let text = logged("trace", LogFormat::Text, || {
            for _ in 0..3 {
                assert!(!tracing::enabled!(target: "sqlx::query", Level::DEBUG));
                tracing::warn!(target: "keyward::jobs", "own");
            }
        });
        assert_eq!(text.matches("own").count(), 3, "{text}");
    }

    #[test]
    fn a_filter_is_told_from_anything_else() {
        assert!(is_filter("info") && is_filter("warn,keyward::keys=debug"));
        assert!(!is_filter("keyward=loud"));
    }

    #[test]
    fn a_panic_is_logged_by_its_place_and_not_by_its_message() {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(log_panic));
        let text = logged("info", LogFormat::Json, || {
            let _ = std::panic::catch_unwind(|| panic!("hunter2"));
        });
        std::panic::set_hook(before);
        assert!(text.contains("telemetry.rs:") && !text.contains("hunter2"), "{text}");
    }

    proptest! {
        #[test]
        fn whatever_is_logged_stays_one_line(value in "\\PC*|.*|[\\x00-\\x9f\u{2028}\u{202e}]{0,40}") {
            for format in [LogFormat::Text, LogFormat::Json] {
                let text = logged("info", format, || tracing::info!(target: "keyward", %value, "said {value}"));
                prop_assert_eq!(text.lines().count(), 1);
                let line = text.strip_suffix('\n').unwrap();
                prop_assert!(!line.chars().any(char::is_control), "{:?}", line);
                if format == LogFormat::Json {
                    let event: serde_json::Value = serde_json::from_str(line).unwrap();
                    prop_assert_eq!(&event["value"], &serde_json::Value::from(value.clone()));
                }
            }
        }
    }
}
