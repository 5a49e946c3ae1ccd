//! The picture of the first run shows what is said, colours included.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use testkit::binary;

use super::page::{root, updating};

const PICTURE: &str = "docs/first-run.svg";
const COMMAND: &str = "frontdesk dev examples/bookstore";
/// Where a terminal would break lines.
const COLUMNS: usize = 100;
const CHARACTER: f64 = 7.8;
const LINE: f64 = 18.0;
const MARGIN: f64 = 24.0;

/// How a piece of a line looks: the numbers of its escape sequences.
#[derive(Clone, Default, PartialEq)]
struct Look {
    bold: bool,
    dim: bool,
    colour: Option<u8>,
}

type Line = Vec<(Look, String)>;

/// What `dev` says with colours, up to its last line.
fn said() -> String {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("examples/bookstore");
    super::shell::copy(&root().join("examples/bookstore"), &to);
    let mut child = Command::new(binary())
        .current_dir(folder.path())
        .args(["dev", "examples/bookstore", "--listen", "127.0.0.1:0"])
        .env("CLICOLOR_FORCE", "1")
        .env_remove("NO_COLOR")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let last = line.contains("Ctrl-C stops");
        said.push_str(&line);
        said.push('\n');
        if last {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    said
}

/// With the address and keys that a picture can have.
fn still(said: &str) -> String {
    let port = said.split_once("http://127.0.0.1:").expect("an address").1;
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    let said = said.replace(&format!("127.0.0.1:{port}"), "127.0.0.1:8080");
    let mut parts = said.split("fdk_live_");
    let mut still = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        still.push_str("fdk_live_…");
        still.push_str(part.trim_start_matches(|c: char| c.is_ascii_alphanumeric()));
    }
    still
}

fn lines(text: &str) -> Vec<Line> {
    let mut look = Look::default();
    let mut all = vec![];
    for line in text.lines() {
        let mut pieces: Line = vec![];
        let mut column = 0;
        let mut rest = line;
        while let Some(next) = rest.chars().next() {
            if let Some(sequence) = rest.strip_prefix("\u{1b}[") {
                let (numbers, after) = sequence.split_once('m').expect("a whole sequence");
                for number in numbers.split(';') {
                    match number.parse().unwrap_or(0) {
                        0 => look = Look::default(),
                        1 => look.bold = true,
                        2 => look.dim = true,
                        colour => look.colour = Some(colour),
                    }
                }
                rest = after;
                continue;
            }
            if column == COLUMNS {
                all.push(std::mem::take(&mut pieces));
                column = 0;
            }
            match pieces.last_mut() {
                Some((known, text)) if *known == look => text.push(next),
                _ => pieces.push((look.clone(), next.to_string())),
            }
            column += 1;
            rest = &rest[next.len_utf8()..];
        }
        all.push(pieces);
    }
    all
}

fn fill(look: &Look) -> &'static str {
    match look.colour {
        Some(31) => "#ff7b72",
        Some(32) => "#7ee787",
        Some(33) => "#e3b341",
        Some(36) => "#79c0ff",
        _ if look.dim => "#8b949e",
        _ => "#e6edf3",
    }
}

/// Spaces that stay: pictures collapse the others.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace(' ', "\u{a0}")
}

fn svg(text: &str) -> String {
    let prompt = vec![
        (
            Look {
                dim: true,
                ..Look::default()
            },
            "$ ".to_owned(),
        ),
        (
            Look {
                bold: true,
                ..Look::default()
            },
            COMMAND.to_owned(),
        ),
    ];
    let mut all = vec![prompt];
    all.extend(lines(text.trim_end()));
    let width = MARGIN.mul_add(2.0, COLUMNS as f64 * CHARACTER);
    let height = MARGIN.mul_add(2.0, all.len() as f64 * LINE);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>What `{COMMAND}` says</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0d1117\"/>\n\
         <g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"13\">\n"
    );
    for (number, line) in all.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let y = MARGIN + LINE.mul_add(number as f64, LINE * 0.75);
        let mut column = 0;
        for (look, text) in line {
            let characters = text.chars().count();
            let x = MARGIN + column as f64 * CHARACTER;
            column += characters;
            if text.trim().is_empty() {
                continue;
            }
            let weight = if look.bold {
                " font-weight=\"bold\""
            } else {
                ""
            };
            svg.push_str(&format!(
                "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{weight}>{}</text>\n",
                characters as f64 * CHARACTER,
                fill(look),
                escaped(text),
            ));
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

#[test]
fn the_first_run_looks_like_its_picture() {
    let picture = svg(&still(&said()));
    let path = root().join(PICTURE);
    if updating() {
        fs::write(&path, &picture).unwrap();
    }
    let shown = fs::read_to_string(&path).unwrap();
    assert!(
        shown == picture,
        "{PICTURE} is old; UPDATE_DOCS=1 draws it anew"
    );
}
