//! `export`: the documents that the server serves, as files.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use frontdesk::FileError;
use frontdesk::contract::{self, Part};
use frontdesk::model::Audience;

use super::{Done, model};
use crate::terminal::say;

const EXAMPLE: &str = "\
Example:
  frontdesk export openapi -o openapi.json
  frontdesk export openapi --yaml --audience partner
  frontdesk export schema -o frontdesk.schema.json      so that editors complete contracts";

/// Write the documents that follow from a contract
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Export {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// The OpenAPI 3.1 document of the API
    Openapi {
        /// The contract's folder
        #[arg(default_value = ".")]
        dir: PathBuf,

        /// As YAML instead of JSON; also when FILE ends in .yaml or .yml
        #[arg(long)]
        yaml: bool,

        /// Whom it is for. As yet nobody can be made a partner; an administrator's key is served
        /// everything
        #[arg(long, value_enum, default_value_t = For::Public)]
        audience: For,

        /// The file to write; the standard output unless given
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// The JSON Schema of the contract language
    Schema {
        /// Of files that a contract includes, instead of its main file
        #[arg(long)]
        included: bool,

        /// The file to write; the standard output unless given
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum For {
    Public,
    Partner,
    Private,
}

impl Export {
    pub fn run(self) -> Done {
        match self.what {
            What::Openapi {
                dir,
                yaml,
                audience,
                output,
            } => {
                let audience = match audience {
                    For::Public => Audience::Public,
                    For::Partner => Audience::Partner,
                    For::Private => Audience::Private,
                };
                let document = frontdesk::openapi(&model(&dir)?, audience);
                let named = output.as_deref().and_then(Path::extension);
                let named = named.is_some_and(|end| end == "yaml" || end == "yml");
                let text = match yaml || named {
                    true => surface::yaml::write(&document),
                    false => pretty(&document),
                };
                write(output, &text)
            }
            What::Schema { included, output } => {
                let part = if included { Part::Included } else { Part::Main };
                write(output, &pretty(&contract::schema::json_schema(part)))
            }
        }
    }
}

fn pretty(json: &serde_json::Value) -> String {
    format!("{json:#}\n")
}

fn write(output: Option<PathBuf>, text: &str) -> Done {
    let Some(path) = output else {
        say(text.trim_end());
        return Ok(());
    };
    let written = fs::write(&path, text);
    Ok(written.map_err(|error| FileError::writing(&path, error))?)
}
