//! `completions`: what a shell needs to complete commands.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Done};

const EXAMPLE: &str = "\
Example:
  frontdesk completions bash > /etc/bash_completion.d/frontdesk
  frontdesk completions fish > ~/.config/fish/completions/frontdesk.fish";

/// Print the script with which a shell completes commands
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Completions {
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Done {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "frontdesk", &mut script);
        crate::terminal::say(String::from_utf8_lossy(&script).trim_end());
        Ok(())
    }
}
