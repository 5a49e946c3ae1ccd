//! Faults of spelling that leave no doubt about what was meant.

use std::ops::Range;

use super::super::lines::{
    Line, behind_dashes, line_above, line_at, line_below, meant_indent, misfit, without_comment,
};
use super::super::{codes, outline};
use super::region::key_colon;

/// How many characters of indentation are changed at once: more is not a contract.
const CHARACTERS_MAX: usize = 20_000;

/// Changes to a text, with places in it.
pub(super) struct Repair {
    pub edits: Vec<(Range<usize>, String)>,
    /// Faults in here may only be consequences.
    pub shadow: Range<usize>,
    /// What else is to be said.
    pub note: Option<String>,
}

/// How to spell right what is wrong at `place`, noticed at `at`.
pub(super) fn find(text: &str, place: usize, at: usize, code: &str) -> Option<Repair> {
    let line = line_at(text, place);
    let bracket = outline::up_to(text, place).open.last().copied();
    let one = |range: Range<usize>, new: &str| Repair {
        edits: vec![(range, new.to_owned())],
        shadow: line.start..line.content_range().end,
        note: None,
    };
    let here = text[place..].chars().next();
    let noticed = line_at(text, at);
    if matches!(code, codes::TAB | codes::INDENTATION)
        && bracket.is_none()
        && misfit(text, &noticed).is_some_and(|first| first.start == line.start)
    {
        return Some(as_deep(text, &line, &noticed));
    }
    match code {
        codes::SPACE_AFTER_COLON => Some(one(place + 1..place + 1, " ")),
        codes::TAB if text[line.start..place].trim().is_empty() => tabs(text),
        codes::TAB => {
            let count = text[place..]
                .bytes()
                .take_while(|byte| *byte == b'\t')
                .count();
            (count > 0).then(|| one(place..place + count, &" ".repeat(count)))
        }
        codes::COLON_MISSING => {
            let (dashes, words) = behind_dashes(line.content);
            let words = without_comment(words);
            let word = words.split(' ').next().unwrap_or(words);
            let rest = words[word.len()..].trim_start();
            let holds = rest.starts_with(['{', '[']);
            let below = || line_below(text, &line).is_some_and(|b| b.indent > line.indent + dashes);
            let end = line.content_start() + dashes + word.len();
            (holds || (rest.is_empty() && below())).then(|| one(end..end, ":"))
        }
        codes::BRACKET => {
            let closer = char::from(outline::closer(text.as_bytes()[bracket?]));
            matches!(here, Some(']' | '}'))
                .then(|| one(place..place + 1, closer.encode_utf8(&mut [0; 4])))
        }
        codes::INDENTATION => match bracket {
            Some(bracket) => {
                let deeper = line_at(text, bracket).indent + 1;
                let missing = deeper
                    .checked_sub(line.indent)
                    .filter(|missing| *missing > 0)?;
                Some(one(line.start..line.start, &" ".repeat(missing)))
            }
            None => meant_indent(text, &line)
                .map(|indent| key_moved(&line, indent))
                .or_else(|| too_deep(text, &line)),
        },
        codes::CHARACTER => foreign_spaces(text),
        codes::SYNTAX | codes::TEXT_AFTER_VALUE if place == at => match here? {
            ',' if bracket.is_some() => Some(one(place..place + 1, " ")),
            _ => comma_missing(text, bracket?, place).then(|| one(place..place, ",")),
        },
        codes::SECOND_DOCUMENT => documents(text, place),
        _ => None,
    }
}

/// Whether what stands at `place`, in these brackets, can only be the next entry.
pub(in super::super) fn comma_missing(text: &str, bracket: usize, place: usize) -> bool {
    let rest = &text[place..line_at(text, place).content_range().end.max(place)];
    if text[bracket..].starts_with('[') {
        return rest.starts_with(['\'', '"', '[', '{']);
    }
    key_colon(rest).is_some_and(|colon| {
        let key = rest[..colon].trim_end();
        !key.is_empty() && (rest.starts_with(['\'', '"']) || !key.contains([' ', ',', '[', '{']))
    })
}

/// Indentation by tabs alone, all at once. Among lines with spaces nobody knows how wide a tab is.
fn tabs(text: &str) -> Option<Repair> {
    let alone = |line: &str| {
        let content = line.trim_start_matches('\t');
        !content.starts_with(' ') || content.trim().is_empty()
    };
    let alone = text.split_inclusive('\n').all(alone);
    alone.then(|| indentation(text, |c| c == '\t', "  ", ("a tab", "tabs")))?
}

/// All white space in front of lines that is not YAML's.
fn foreign_spaces(text: &str) -> Option<Repair> {
    let foreign = |c: char| !c.is_ascii() && c != '\u{FEFF}';
    indentation(text, foreign, " ", ("such a character", "such characters"))
}

/// Puts `new` for every character of indentation that is `odd`.
fn indentation(
    text: &str,
    odd: impl Fn(char) -> bool,
    new: &str,
    (one, several): (&str, &str),
) -> Option<Repair> {
    let mut edits = vec![];
    let mut lines = 0;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let before = edits.len();
        let spaces = line.char_indices().take_while(|(_, c)| c.is_whitespace());
        for (at, c) in spaces.filter(|(_, c)| odd(*c)) {
            let at = start + at;
            edits.push((at..at + c.len_utf8(), new.to_owned()));
        }
        lines += usize::from(edits.len() > before);
        start += line.len();
        if edits.len() > CHARACTERS_MAX {
            return None;
        }
    }
    let note = match lines {
        0 => return None,
        1 => None,
        2 => Some(format!("one more line is indented by {one}")),
        many => Some(format!("{} more lines are indented by {several}", many - 1)),
    };
    Some(Repair {
        edits,
        shadow: 0..0,
        note,
    })
}

/// A block that is as deep as the line below it.
fn as_deep(text: &str, first: &Line<'_>, below: &Line<'_>) -> Repair {
    let spaces = " ".repeat(below.indent);
    let mut edits = vec![(first.start..first.content_start(), spaces)];
    let too_much = first.indent.saturating_sub(below.indent);
    let mut next = line_below(text, first).filter(|_| too_much > 0);
    while let Some(line) = next.filter(|line| line.start < below.start) {
        edits.push((line.start..line.start + too_much, String::new()));
        next = line_below(text, &line);
    }
    Repair {
        edits,
        shadow: first.start..first.content_range().end,
        note: None,
    }
}

/// A key that stands as deep as fits what it holds.
fn key_moved(line: &Line<'_>, indent: usize) -> Repair {
    Repair {
        edits: vec![(line.start..line.content_start(), " ".repeat(indent))],
        shadow: line.start..line.content_range().end,
        note: None,
    }
}

/// Lines that stand one column right of the entry they belong beside: as far left as it. With
/// more columns they may belong below it.
fn too_deep(text: &str, line: &Line<'_>) -> Option<Repair> {
    let above = line_above(text, line)?;
    let (dashes, words) = behind_dashes(above.content);
    let value = without_comment(words.get(key_colon(words)? + 1..)?).trim();
    // Behind prose, the line may be more of it.
    let complete =
        !value.is_empty() && (!value.contains(' ') || value.ends_with(['}', ']', '"', '\'']));
    key_colon(behind_dashes(line.content).1)
        .filter(|_| complete && line.indent == above.indent + dashes + 1)?;
    let mut edits = vec![];
    let mut end = line.start;
    let mut next = Some(*line);
    while let Some(below) = next.filter(|below| below.indent >= line.indent) {
        edits.push((below.start..below.start + 1, String::new()));
        end = below.content_range().end;
        next = line_below(text, &below);
    }
    Some(Repair {
        edits,
        shadow: line.start..end,
        note: None,
    })
}

/// `---` between lines of one document, unless what follows is another whole one.
fn documents(text: &str, place: usize) -> Option<Repair> {
    let mut edits = vec![];
    let keys = |text: &str| -> Vec<String> {
        let top = text.lines().filter_map(|line| {
            let key = &line[..key_colon(line)?];
            (!key.starts_with([' ', '#', '-', '\t'])).then(|| key.to_owned())
        });
        top.collect()
    };
    let before = keys(&text[..place]);
    // Up to the next one, which is looked at when its turn comes.
    let rest = &text[line_at(text, place).content_range().end..];
    let next = rest.find("\n---").unwrap_or(rest.len());
    if keys(&rest[..next]).iter().any(|key| before.contains(key)) {
        return None;
    }
    let mut line = line_at(text, place);
    loop {
        let marker = matches!(line.content, "---" | "...") && line.indent == 0;
        if marker {
            edits.push((line.start..line.start + 3, "   ".to_owned()));
        }
        match line_above(text, &line) {
            Some(above) if marker || line.start == line_at(text, place).start => line = above,
            _ => break,
        }
    }
    (!edits.is_empty()).then(|| {
        edits.sort_by_key(|(range, _)| range.start);
        Repair {
            edits,
            shadow: line.start..place,
            note: None,
        }
    })
}
