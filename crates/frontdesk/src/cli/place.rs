//! The flags that name a project, where a command's arguments are about something else.

use std::path::PathBuf;

use clap::Args;
use frontdesk::Location;

use super::asked::Asked;
use super::{Trouble, config, location};
use crate::config::{Config, Storage};

#[derive(Args, Debug)]
pub struct Place {
    /// The contract's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,

    #[command(flatten)]
    pub storage: Storage,
}

impl Place {
    pub fn asked(&self) -> Asked {
        Asked::by_flag(&self.dir, &self.storage)
    }

    /// Where its data is.
    pub fn location(&self) -> Result<Location, Trouble> {
        location(&self.dir, self.storage.clone())
    }

    /// All settings there.
    pub fn config(&self) -> Result<Config, Trouble> {
        config(&self.dir, self.storage.clone())
    }
}
