//! How long work goes, for whoever looks at a terminal; silent otherwise.

use std::fmt::Write;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::terminal::is_watched;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    Records,
}

/// A line that is drawn again and again. Clones are the same line.
#[derive(Clone)]
pub struct Progress {
    bar: ProgressBar,
    unit: Unit,
}

impl Progress {
    pub fn new(unit: Unit) -> Progress {
        let bar = ProgressBar::with_draw_target(
            None,
            match is_watched() {
                true => ProgressDrawTarget::stderr(),
                false => ProgressDrawTarget::hidden(),
            },
        );
        bar.set_style(style(unit, false));
        Progress { bar, unit }
    }

    /// Takes the line away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Writes something above the line.
    pub fn above(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }
}

impl frontdesk::data::Watch for Progress {
    fn at(&self, done: u64, of: Option<u64>, records: u64) {
        if self.bar.length() != of {
            if let Some(of) = of {
                self.bar.set_length(of);
            }
            self.bar.set_style(style(self.unit, of.is_some()));
        }
        if self.unit == Unit::Bytes && records > 0 {
            self.bar.set_message(format!("{records} records"));
        }
        self.bar.set_position(done);
    }
}

fn style(unit: Unit, bounded: bool) -> ProgressStyle {
    let template = match (unit, bounded) {
        (Unit::Bytes, true) => {
            "{bar:30} {percent:>3}%  {bytes}/{total_bytes}  {bytes_per_sec}  {msg}  {eta} left"
        }
        (Unit::Bytes, false) => "{spinner} {bytes}  {bytes_per_sec}  {msg}",
        (Unit::Records, true) => "{bar:30} {percent:>3}%  {pos}/{len} records  {pace}  {eta} left",
        (Unit::Records, false) => "{spinner} {pos} records  {pace}",
    };
    ProgressStyle::with_template(template)
        .expect("the templates above can be read")
        // Nobody counts parts of a record.
        .with_key("pace", |state: &ProgressState, out: &mut dyn Write| {
            // Whatever does not fit the terminal is not drawn.
            let _ = write!(out, "{:.0}/s", state.per_sec());
        })
}
