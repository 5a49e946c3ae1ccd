//! Writes a tree token by token, with the comments that stood between the tokens.
//!
//! The source is walked with a cursor, so nothing in it can be passed by: what lies between two
//! tokens is read as a [`Gap`] and written at its new place. Start at [`layout`].

use super::trivia::{Comment, Gap, between, block_header, column, is_block_text};
use crate::yaml::{self, Entry, Kind, Node, document_start, next_token};

const INDENT: usize = 2;

/// Brackets broken over several lines are put on one line if it stays within this many characters.
const WIDTH: usize = 100;

pub(super) fn layout(text: &str, root: &Node) -> String {
    let mut printer = Printer {
        text,
        cursor: 0,
        out: String::with_capacity(text.len()),
        levels: Vec::new(),
        no_blank: true,
        json: root.source(text).starts_with(['[', '{']),
    };
    printer.document(root);
    printer.out
}

struct Printer<'t> {
    text: &'t str,
    /// Just behind the last token written.
    cursor: usize,
    out: String,
    /// Column in the source and in the output of every level the last token was on, outermost
    /// first. A comment on a line of its own belongs to the level it stood on.
    levels: Vec<(usize, usize)>,
    /// A blank line is not wanted here: at the beginning of something, or where it would become
    /// part of a text.
    no_blank: bool,
    /// The whole is in brackets, so it may be read as JSON: brackets and quotes are kept.
    json: bool,
}

impl<'t> Printer<'t> {
    fn document(&mut self, root: &Node) {
        let first = document_start(self.text);
        let rest = &self.text[first..];
        let begins_line = first == 0 || self.text[..first].ends_with(['\n', '\u{FEFF}']);
        let marker = rest.strip_prefix("---").is_some_and(|rest| {
            begins_line && (rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_whitespace()))
        });
        if !marker && first != next_token(self.text, 0) {
            // Ends of no document (`...`) stand before the first token.
            let gap = self.gap(first);
            self.comments(&gap.comments, 0, true);
        }
        if marker {
            let gap = self.gap(first);
            self.line_for_token(&gap, 0);
            self.write("---");
            self.cursor = first + 3;
            self.no_blank = true;
        }
        match &root.kind {
            Kind::Map(entries) if !self.json => self.block_map(entries, 0, false),
            Kind::List(_) if !self.json => self.block_list(root, 0, false),
            Kind::Null if root.span.is_empty() => {}
            _ => {
                // Text goes on indented, so that no line of it can be taken for `---`.
                let source = root.source(self.text);
                let marker = source.starts_with("---") || source.starts_with("...");
                let inner = if self.json { 0 } else { INDENT };
                let gap = self.gap(root.span.start as usize);
                self.line_for_token(&gap, 0);
                if marker {
                    self.spaces(INDENT);
                }
                self.inline(root, 0, inner);
            }
        }
        let gap = self.gap(self.text.len());
        self.comments(&gap.comments, 0, true);
        self.end_line();
    }

    /// Entries one under the other. `compact`: the first may stand on the line already begun.
    fn block_map(&mut self, entries: &[Entry], indent: usize, compact: bool) {
        for (at, entry) in entries.iter().enumerate() {
            let key = entry.key.span.range();
            self.block_token(key.start, indent, compact && at == 0);
            self.key(entry);
            self.value(&entry.value, indent);
        }
    }

    fn block_list(&mut self, list: &Node, indent: usize, compact: bool) {
        let dashes = !self.is_flow(list);
        for (at, item) in list.as_list().unwrap_or_default().iter().enumerate() {
            let token = match dashes {
                true => next_token(self.text, self.cursor),
                false => item.span.start as usize,
            };
            self.block_token(token, indent, compact && at == 0);
            self.write("-");
            if dashes {
                self.cursor = (token + 1).min(self.text.len());
            }
            if self.is_block(item, indent) {
                self.no_blank = true;
                self.block(item, indent + INDENT, true);
            } else {
                self.value(item, indent);
            }
        }
    }

    /// A list or map of which each entry gets a line, whether it stood in brackets or not.
    fn block(&mut self, node: &Node, indent: usize, compact: bool) {
        match &node.kind {
            Kind::Map(entries) => self.block_map(entries, indent, compact),
            _ => self.block_list(node, indent, compact),
        }
        if self.is_flow(node) {
            let end = node.span.end as usize;
            let gap = self.gap(end - 1);
            self.comments(&gap.comments, indent, false);
            self.cursor = end;
        }
    }

    /// Goes to the line and column of a token in block style, writing what stands before it.
    fn block_token(&mut self, at: usize, indent: usize, compact: bool) {
        let gap = self.gap(at);
        if compact && gap.comments.is_empty() {
            self.write(" ");
            self.no_blank = false;
        } else {
            self.line_for_token(&gap, indent);
        }
        self.levels.retain(|(_, out)| *out < indent);
        self.levels.push((column(self.text, at), indent));
    }

    fn key(&mut self, entry: &Entry) {
        let range = entry.key.span.range();
        let source = self.key_source(entry);
        self.scalar(source, column_of_line(&self.out) + INDENT);
        // Inside brackets a comment may stand before the colon: it is read with what follows.
        let colon = next_token(self.text, range.end);
        let comment = !between(self.text, range.end, colon).comments.is_empty();
        self.cursor = if comment {
            range.end
        } else {
            (colon + 1).min(self.text.len())
        };
        self.write(":");
        self.no_blank = true;
    }

    /// What stands behind `key:` or `-`; `indent` is theirs.
    fn value(&mut self, node: &Node, indent: usize) {
        match &node.kind {
            Kind::Null if node.span.is_empty() => {
                // Pass by the colon, so that what follows is what stands behind it.
                let gap = self.gap(node.span.end as usize);
                self.no_blank = false;
                self.comments(&gap.comments, indent + INDENT, false);
            }
            Kind::Map(_) | Kind::List(_) if self.is_block(node, indent) => {
                self.block(node, indent + INDENT, false);
            }
            _ => {
                let gap = self.gap(node.span.start as usize);
                if gap.comments.is_empty() {
                    self.write(" ");
                } else {
                    self.line_for_token(&gap, indent + INDENT);
                }
                self.no_blank = false;
                self.inline(node, indent, indent + INDENT);
            }
        }
    }

    /// A value that begins where the output stands. `parent` is the indentation of what it belongs
    /// to, `inner` the indentation of lines it goes on with.
    fn inline(&mut self, node: &Node, parent: usize, inner: usize) {
        match &node.kind {
            Kind::Map(_) | Kind::List(_) => self.flow(node, inner),
            Kind::String(value) if is_block_text(node, self.text) => {
                self.block_text(node, value, parent + INDENT);
            }
            _ => self.scalar(node.source(self.text), inner),
        }
        self.cursor = self.cursor.max(node.span.end as usize);
    }

    /// A key or a value that is neither a collection nor a block of text.
    fn scalar(&mut self, source: &str, inner: usize) {
        if !source.contains('\n') {
            self.write(&with_quotes(source));
            return;
        }
        for (at, line) in source.split('\n').enumerate() {
            if at == 0 {
                self.write(trimmed_end(line));
                continue;
            }
            self.out.push('\n');
            let line = trimmed_end(line).trim_start_matches([' ', '\t']);
            if !line.is_empty() {
                self.spaces(inner);
                self.write(line);
            }
        }
    }

    fn block_text(&mut self, node: &Node, value: &str, indent: usize) {
        let source = node.source(self.text);
        let (header, comment) = block_header(source);
        let body = value.trim_end_matches('\n');
        // Folding leaves nothing to be seen of the source's lines; a text of white space alone
        // means the same in either style.
        let folded = header.starts_with('>') && !value.trim().is_empty();
        self.write(if folded { ">" } else { "|" });
        let first = body.split('\n').find(|line| !line.is_empty());
        if first.is_some_and(|line| line.starts_with(' ')) {
            self.write(&INDENT.to_string());
        }
        let keep = header.contains('+');
        if keep {
            self.write("+");
        } else if header.contains('-') {
            self.write("-");
        }
        let start = node.span.start as usize;
        if let Some(at) = comment {
            let line_end = self.text[start..]
                .find('\n')
                .map_or(self.text.len(), |len| start + len);
            let gap = between(self.text, start + at, line_end);
            self.comments(&gap.comments, indent, false);
        }
        self.end_line();
        if folded {
            self.folded_lines(node, value, indent);
        } else if !body.is_empty() {
            for line in body.split('\n') {
                self.text_line(line, indent);
            }
        }
        if keep {
            let breaks = value.len() - body.len();
            let written = usize::from(!body.is_empty());
            self.out
                .extend(std::iter::repeat_n('\n', breaks.saturating_sub(written)));
            self.no_blank = true;
        }
    }

    /// The source lines of folded text, moved as a whole.
    fn folded_lines(&mut self, node: &Node, value: &str, indent: usize) {
        let start = node.span.start as usize;
        let Some(header) = self.text[start..].find('\n') else {
            return;
        };
        let body_start = start + header + 1;
        let end = node.span.end as usize;
        let visible = |line: &&str| !line.trim().is_empty();
        let leading = |line: &str| line.len() - line.trim_start_matches(' ').len();
        let in_source = self.text[body_start..]
            .split('\n')
            .find(visible)
            .map_or(0, leading);
        let in_value = value.split('\n').find(visible).map_or(0, leading);
        let margin = in_source.saturating_sub(in_value);
        // The lines up to the last word, and behind it those of more white space than the margin
        // with all between: they are text, too.
        let mut lines = Vec::new();
        let mut last = 0;
        let mut at = body_start;
        for source in self.text[body_start..].split('\n') {
            let line = source.strip_suffix('\r').unwrap_or(source);
            let blank = line.trim_matches([' ', '\t']).is_empty();
            let tab = leading(line) < margin && line.contains('\t');
            if at >= end && (!blank || tab) {
                break;
            }
            let line_end = at + source.len();
            lines.push((line, line_end));
            if at < end || (line.len() > margin && leading(line) >= margin) {
                last = lines.len();
            }
            at = line_end + 1;
        }
        for (line, line_end) in &lines[..last] {
            let kept = line.get(margin..).filter(|_| leading(line) >= margin);
            self.text_line(kept.unwrap_or_default(), indent);
            self.cursor = self.cursor.max(*line_end);
        }
    }

    fn text_line(&mut self, line: &str, indent: usize) {
        if !line.is_empty() {
            self.spaces(indent);
            self.out.push_str(line);
        }
        self.out.push('\n');
    }

    /// A list or map in brackets. `indent` is that of the closing bracket, if it gets its own line:
    /// YAML wants it deeper than the key.
    fn flow(&mut self, node: &Node, indent: usize) {
        let span = node.span.range();
        if let Some(line) = self.one_line(node, column_of_line(&self.out)) {
            self.write(&line);
            self.cursor = span.end;
            return;
        }
        let (open, close) = if matches!(node.kind, Kind::List(_)) {
            ("[", "]")
        } else {
            ("{", "}")
        };
        self.write(open);
        self.cursor = span.start + 1;
        self.no_blank = true;
        match &node.kind {
            Kind::List(items) => {
                for item in items {
                    self.flow_token(item.span.start as usize, indent + INDENT);
                    self.flow_item(item, indent + INDENT);
                    self.comma(indent + INDENT);
                }
            }
            Kind::Map(entries) => {
                for entry in entries {
                    self.flow_token(entry.key.span.start as usize, indent + INDENT);
                    self.key(entry);
                    self.flow_value(&entry.value, indent + INDENT);
                    self.comma(indent + INDENT);
                }
            }
            _ => {}
        }
        let gap = self.gap(span.end.saturating_sub(1));
        self.comments(&gap.comments, indent + INDENT, false);
        self.end_line();
        self.spaces(indent);
        self.write(close);
        self.cursor = span.end;
        self.no_blank = false;
    }

    fn flow_token(&mut self, at: usize, indent: usize) {
        let gap = self.gap(at);
        self.comments(&gap.comments, indent, false);
        self.begin_line(gap.blank);
        self.spaces(indent);
    }

    /// A value inside brackets, on a line indented by `indent`.
    fn flow_item(&mut self, node: &Node, indent: usize) {
        self.no_blank = false;
        match &node.kind {
            Kind::Map(_) | Kind::List(_) => self.flow(node, indent),
            _ => self.scalar(node.source(self.text), indent + INDENT),
        }
        self.cursor = self.cursor.max(node.span.end as usize);
    }

    fn flow_value(&mut self, value: &Node, indent: usize) {
        if value.span.is_empty() {
            self.write(" null");
            return;
        }
        let gap = self.gap(value.span.start as usize);
        if gap.comments.is_empty() {
            self.write(" ");
            self.flow_item(value, indent);
        } else {
            self.comments(&gap.comments, indent + INDENT, false);
            self.begin_line(false);
            self.spaces(indent + INDENT);
            self.flow_item(value, indent + INDENT);
        }
    }

    /// The comma behind an item if there is one, and the comments that stood before it: there was
    /// no place for them yet.
    fn comma(&mut self, indent: usize) {
        self.no_blank = false;
        let next = next_token(self.text, self.cursor);
        if !self.text[next..].starts_with(',') {
            // The last item keeps going without: some bare words cannot be followed by a comma.
            return;
        }
        self.write(",");
        let mut late = self.gap(next).comments;
        self.cursor = next + 1;
        for comment in &mut late {
            comment.blank = false;
        }
        if let Some(first) = late.first_mut() {
            first.own_line = false;
        }
        self.comments(&late, indent, false);
    }

    /// Whether brackets cannot stand on one line, or were meant not to: a line break behind the
    /// opening bracket says so.
    fn must_expand(&self, node: &Node) -> bool {
        let range = node.span.range();
        match &node.kind {
            Kind::Map(_) | Kind::List(_) => {}
            _ => return node.source(self.text).contains('\n'),
        }
        let behind = self.text[range.start + 1..range.end].trim_start_matches([' ', '\t', '\r']);
        if behind.starts_with('\n') && !behind.trim_start().starts_with([']', '}']) {
            return true;
        }
        let mut cursor = range.start + 1;
        let mut seen = |from: usize, to: usize| {
            let comments = !between(self.text, cursor, from.max(cursor))
                .comments
                .is_empty();
            cursor = to.max(cursor);
            comments
        };
        let inside = match &node.kind {
            Kind::List(items) => items.iter().any(|item| {
                let span = item.span.range();
                seen(span.start, span.end) || self.must_expand(item)
            }),
            Kind::Map(entries) => entries.iter().any(|entry| {
                let (key, value) = (entry.key.span.range(), entry.value.span.range());
                seen(key.start, key.end)
                    || seen(value.start, value.end)
                    || self.text[key].contains('\n')
                    || self.must_expand(&entry.value)
            }),
            _ => false,
        };
        inside || seen(range.end - 1, range.end)
    }

    /// Brackets on one line that begins at `column`, if they can stand there.
    fn one_line(&self, node: &Node, column: usize) -> Option<String> {
        if self.must_expand(node) {
            return None;
        }
        let line = self.flow_line(node);
        let was = !node.source(self.text).contains('\n');
        (was || column + line.chars().count() <= WIDTH).then_some(line)
    }

    fn flow_line(&self, node: &Node) -> String {
        match &node.kind {
            Kind::List(items) => {
                let items: Vec<_> = items.iter().map(|item| self.flow_line(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Kind::Map(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|entry| {
                        let key = with_quotes(self.key_source(entry));
                        format!("{key}: {}", self.flow_line(&entry.value))
                    })
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
            Kind::Null if node.span.is_empty() => "null".to_owned(),
            _ => with_quotes(node.source(self.text)),
        }
    }

    fn is_flow(&self, node: &Node) -> bool {
        node.source(self.text).starts_with(['[', '{'])
    }

    /// Whether each entry of a value gets a line, below a key or dash at `indent`: also if it stood
    /// in brackets, but cannot stand on one line.
    fn is_block(&self, node: &Node, indent: usize) -> bool {
        let one_line_each = match &node.kind {
            Kind::Map(entries) => {
                !entries.is_empty()
                    && !entries
                        .iter()
                        .any(|entry| self.text[entry.key.span.range()].contains('\n'))
            }
            Kind::List(items) => !items.is_empty(),
            _ => return false,
        };
        let before = between(self.text, self.cursor, node.span.start as usize);
        let column = match before.comments.is_empty() {
            true => column_of_line(&self.out) + 1,
            false => indent + INDENT,
        };
        !self.is_flow(node) || (one_line_each && self.one_line(node, column).is_none())
    }

    /// A key as it is written, without quotes that a word of the language does not need.
    fn key_source(&self, entry: &Entry) -> &'t str {
        let source = &self.text[entry.key.span.range()];
        let key = source.trim_matches(['\'', '"']);
        let bare = key == entry.key.value
            && is_word(key)
            && !yaml::differs_in_yaml_1_1(key)
            && yaml::is_text(key);
        if bare && !self.json { key } else { source }
    }

    /// What stands between the cursor and the next token, which begins at `until`.
    fn gap(&mut self, until: usize) -> Gap<'t> {
        let gap = between(self.text, self.cursor, until);
        self.cursor = until.max(self.cursor);
        gap
    }

    /// Writes a gap and goes to a new line, for a token in block style at `indent`.
    fn line_for_token(&mut self, gap: &Gap<'t>, indent: usize) {
        self.comments(&gap.comments, indent, true);
        self.begin_line(gap.blank);
        self.spaces(indent);
    }

    /// Writes comments before a token at `indent`. With `levels`, one that stood on a deeper level
    /// stays there.
    fn comments(&mut self, comments: &[Comment<'t>], indent: usize, levels: bool) {
        for comment in comments {
            let width = column_of_line(&self.out);
            if !comment.own_line && width > 0 {
                let wanted = if comment.apart > 2 { comment.column } else { 0 };
                self.spaces(wanted.max(width + 2) - width);
            } else {
                self.begin_line(comment.blank);
                let level = self
                    .levels
                    .iter()
                    .rev()
                    .find(|(source, out)| levels && *out > indent && *source <= comment.column);
                self.spaces(level.map_or(indent, |(_, out)| *out));
            }
            self.write(comment.text);
            self.out.push('\n');
            self.no_blank = false;
        }
    }

    /// Goes to the beginning of a new line, below a blank one if there was one.
    fn begin_line(&mut self, blank: bool) {
        self.end_line();
        if blank && !self.no_blank && !self.out.is_empty() {
            self.out.push('\n');
        }
        self.no_blank = false;
    }

    fn end_line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }

    fn spaces(&mut self, count: usize) {
        self.out.extend(std::iter::repeat_n(' ', count));
    }

    fn write(&mut self, text: &str) {
        self.out.push_str(text);
    }
}

/// How many characters the last line holds so far.
fn column_of_line(out: &str) -> usize {
    let start = out.rfind('\n').map_or(0, |at| at + 1);
    out[start..].chars().count()
}

/// Whether a key looks like those of the language: `title`, `sub_title?`, `Book.price`.
fn is_word(key: &str) -> bool {
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '?');
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && key.chars().all(rest)
}

/// A bare word in quotes if YAML 1.1 would take it for something else.
fn with_quotes(source: &str) -> String {
    if yaml::differs_in_yaml_1_1(source) {
        yaml::quoted(source)
    } else {
        source.to_owned()
    }
}

/// A line of a text over several lines, without the white space at its end, which means nothing
/// unless a backslash stands before it.
fn trimmed_end(line: &str) -> &str {
    let kept = line.trim_end_matches([' ', '\t', '\r']);
    let backslashes = kept.len() - kept.trim_end_matches('\\').len();
    let escaped = backslashes % 2 == 1 && line[kept.len()..].starts_with([' ', '\t']);
    if escaped {
        &line[..kept.len() + 1]
    } else {
        kept
    }
}
