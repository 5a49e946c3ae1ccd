//! Commands on the pages, run in order by a real shell against the real binary.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use testkit::{PATIENCE, Process, binary};

use super::compare::{Names, like, pretty};
use super::page::{Block, Page, pages, root, updating};

/// Said by the shell when a block has ended.
const END: &str = "--- the block has ended with";
/// Where pages say that the server listens.
const SHOWN_ADDRESS: &str = "127.0.0.1:8080";

/// When pages are written anew: by then a server has said all.
const SETTLED: Duration = Duration::from_secs(2);

/// One shell in a folder of its own.
struct Shell {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    folder: tempfile::TempDir,
    server: Option<Process>,
    names: Names,
}

/// What a block has said, and how it ended.
struct Ended {
    said: String,
    code: i32,
}

impl Shell {
    fn new() -> Shell {
        let folder = tempfile::tempdir().unwrap();
        copy(&root().join("examples"), &folder.path().join("examples"));
        // Without a terminal curl would draw its progress.
        fs::write(folder.path().join(".curlrc"), "silent\n").unwrap();
        let bin = binary();
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", bin.parent().unwrap().display());
        let mut child = Command::new("sh")
            .current_dir(folder.path())
            .env("PATH", path)
            .env("CURL_HOME", folder.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "exec 2>&1").unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Shell {
            child,
            input,
            output,
            folder,
            server: None,
            names: Names::default(),
        }
    }

    fn run(&mut self, text: &str) -> Ended {
        let text = self.names.resolve(text);
        let text = match &self.server {
            Some(server) => text.replace(SHOWN_ADDRESS, &server.client().address().to_string()),
            None => text,
        };
        let block = self.folder.path().join(".block");
        fs::write(&block, text).unwrap();
        // `.` keeps folders and variables; the script must not be read as somebody's input.
        writeln!(
            self.input,
            ". {} </dev/null; printf '\\n{END} %s\\n' $?",
            block.display()
        )
        .unwrap();
        self.input.flush().unwrap();
        let mut said = String::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "the shell has ended:\n{said}");
            if let Some((before, code)) = line.split_once(END) {
                said.push_str(before);
                let code = code.trim().parse().unwrap();
                return Ended {
                    said: self.shown(said.trim_end()),
                    code,
                };
            }
            said.push_str(&line);
        }
    }

    /// What was said, with the address and folder that pages show.
    fn shown(&self, said: &str) -> String {
        let folder = self.folder.path().to_str().unwrap();
        let said = said.replace(&format!("{folder}/"), "").replace(folder, ".");
        match &self.server {
            Some(server) => said.replace(&server.client().address().to_string(), SHOWN_ADDRESS),
            None => said,
        }
    }

    /// Starts a server that stays: `frontdesk dev notes`.
    fn serve(&mut self, text: &str) {
        self.server = None;
        let here = self.run("pwd").said;
        let folder = self.folder.path().join(here);
        let mut words: Vec<&str> = text.split_whitespace().collect();
        assert_eq!(words.first(), Some(&"frontdesk"), "`{text}`");
        words.remove(0);
        if !words.contains(&"--listen") {
            words.extend(["--listen", "127.0.0.1:0"]);
        }
        self.server = Some(Process::start(binary(), &folder, &words));
    }

    /// Waits until the server has said what is shown, line by line as it comes; what it said
    /// instead.
    fn greets(&self, shown: &str) -> Result<(), String> {
        let server = self.server.as_ref().expect("a server runs");
        let deadline = Instant::now() + if updating() { SETTLED } else { PATIENCE };
        loop {
            let said = server.said();
            // The log comes when it comes.
            let said = said
                .lines()
                .filter(|line| !line.starts_with("{\"timestamp\""));
            let said = said.collect::<Vec<_>>().join("\n");
            let said = self.shown(said.trim_matches('\n'));
            if like(shown, &said) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(said);
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// How often the server has looked at its contract.
    fn looked(&self) -> usize {
        let server = self.server.as_ref().expect("a server runs");
        let said = server.said();
        said.matches("reloaded").count() + said.matches("goes on being served").count()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

/// Whether a block shows what was said.
fn same(names: &mut Names, block: &Block, said: &str) -> bool {
    if block.language == "json"
        && let Ok(shown) = serde_json::from_str::<Json>(&block.text)
    {
        return serde_json::from_str(said).is_ok_and(|said| names.same(&shown, &said));
    }
    like(&block.text, said)
}

fn judge(page: &mut Page) {
    let mut shell: Option<Shell> = None;
    let mut changes = vec![];
    for (at, block) in page.blocks.iter().enumerate() {
        if block.language != "sh" || !block.is("run") {
            continue;
        }
        let shell = shell.get_or_insert_with(Shell::new);
        let place = page.place(block);
        if block.is("serves") {
            shell.serve(&block.text);
            let output = page.blocks.get(at + 1).filter(|next| next.is("output"));
            if let Some(output) = output
                && let Err(said) = shell.greets(output.text.trim_matches('\n'))
            {
                assert!(updating(), "{place}:\n{said}");
                changes.push((output.clone(), said));
            }
            continue;
        }
        let looked = block.is("reloads").then(|| shell.looked());
        let ended = shell.run(&block.text);
        if let Some(looked) = looked {
            testkit::eventually("a look at the contract", || {
                (shell.looked() > looked).then_some(())
            });
        }
        let code = block.value("exit").map_or(0, |code| code.parse().unwrap());
        assert_eq!(ended.code, code, "{place}:\n{}", ended.said);
        let Some(output) = page.blocks.get(at + 1).filter(|next| next.is("output")) else {
            continue;
        };
        if !same(&mut shell.names, output, &ended.said) {
            assert!(
                updating(),
                "{place}: it is said\n{}\nnot\n{}",
                ended.said,
                output.text
            );
            let said = match serde_json::from_str::<Json>(&ended.said) {
                Ok(json) if output.language == "json" => pretty(&json),
                _ => ended.said,
            };
            changes.push((output.clone(), said));
        }
    }
    for (block, text) in changes {
        page.change(&block, &text);
    }
}

#[test]
fn commands_do_what_is_shown() {
    if !crate::support::on_sqlite() {
        // The pages show what is kept in a folder.
        return;
    }
    for mut page in pages() {
        judge(&mut page);
        page.write();
    }
}

/// The words that begin like this in what a command says about itself.
fn words<'t>(help: &'t str, begins: &str) -> Vec<&'t str> {
    help.lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with('-'))
        .flat_map(|line| line.split([' ', ',']))
        .filter(|word| word.starts_with(begins))
        .map(|word| word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()))
        .collect()
}

#[test]
fn every_command_and_flag_is_told_about() {
    let page = Page::read("docs/cli.md");
    let folder = tempfile::tempdir().unwrap();
    let help = |arguments: &[&str]| {
        let arguments = [arguments, &["--help"]].concat();
        testkit::run(binary(), folder.path(), &arguments)
            .expect(0)
            .stdout
    };
    let commands = |help: &str| -> Vec<String> {
        let (_, list) = help.split_once("Commands:\n").unwrap_or_default();
        let names = list.lines().take_while(|line| line.starts_with("  "));
        let names = names.filter_map(|line| line.split_whitespace().next());
        names
            .filter(|name| *name != "help")
            .map(str::to_owned)
            .collect()
    };
    let all = commands(&help(&[]));
    assert!(all.len() > 5, "{all:?}");
    for command in &all {
        let heading = format!("\n## `{command}`\n");
        let (_, section) = page
            .text
            .split_once(&heading)
            .unwrap_or_else(|| panic!("no {heading}"));
        let section = section.split("\n## ").next().unwrap_or_default();
        let own = help(&[command]);
        let mut told = vec![own.clone()];
        for below in commands(&own) {
            assert!(
                section.contains(&format!("{command} {below}")),
                "`{command} {below}`"
            );
            told.push(help(&[command, &below]));
        }
        for flag in told.iter().flat_map(|help| words(help, "--")) {
            // Settings have a section of their own.
            let is_told = flag == "--help" || page.text.contains(flag);
            assert!(is_told, "`{command}` knows `{flag}`");
        }
    }
}
