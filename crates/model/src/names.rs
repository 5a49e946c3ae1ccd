//! How one name is spelled in each style. Spelling only; whether names collide is the
//! contract compiler's business.

/// `PlayList` → `play_list`. Runs of capitals stay together: `ISBNCode` → `isbn_code`.
pub fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 4);
    for (i, c) in chars.iter().enumerate() {
        if c.is_ascii_uppercase() {
            let after_lower = i > 0 && !chars[i - 1].is_ascii_uppercase() && chars[i - 1] != '_';
            let before_lower = i > 0
                && chars[i - 1] != '_'
                && chars.get(i + 1).is_some_and(char::is_ascii_lowercase);
            if after_lower || before_lower {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
        } else {
            out.push(*c);
        }
    }
    out
}

/// `play_list` → `playList`.
pub fn camel(snake: &str) -> String {
    let mut out = String::with_capacity(snake.len());
    let mut upper = false;
    for c in snake.chars() {
        match c {
            '_' => upper = !out.is_empty(),
            c if upper => {
                out.push(c.to_ascii_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}

/// `play_list` → `play-list`.
pub fn kebab(snake: &str) -> String {
    snake.replace('_', "-")
}

/// `play_list` → `Play list`.
pub fn title(snake: &str) -> String {
    let mut words = snake.replace(['_', '-'], " ");
    if let Some(first) = words.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// The English plural of a snake_case noun: `box` → `boxes`, `city` → `cities`,
/// `person` → `people`. A contract that wants another word says `path:`.
pub fn plural(noun: &str) -> String {
    const IRREGULAR: [(&str, &str); 8] = [
        ("person", "people"),
        ("child", "children"),
        ("man", "men"),
        ("woman", "women"),
        ("mouse", "mice"),
        ("datum", "data"),
        ("medium", "media"),
        ("staff", "staff"),
    ];
    let (head, last) = noun
        .rsplit_once('_')
        .map_or(("", noun), |(head, last)| (head, last));
    let plural = match IRREGULAR.iter().find(|(one, _)| *one == last) {
        Some((_, many)) => (*many).to_owned(),
        None => {
            let consonant_y = last.ends_with('y')
                && !last.ends_with("ay")
                && !last.ends_with("ey")
                && !last.ends_with("oy")
                && !last.ends_with("uy");
            if consonant_y {
                format!("{}ies", &last[..last.len() - 1])
            } else if ["s", "x", "z", "ch", "sh"]
                .iter()
                .any(|end| last.ends_with(end))
            {
                format!("{last}es")
            } else {
                format!("{last}s")
            }
        }
    };
    if head.is_empty() {
        plural
    } else {
        format!("{head}_{plural}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_every_spelling() {
        assert_eq!(snake("PlayList"), "play_list");
        assert_eq!(snake("ISBNCode"), "isbn_code");
        assert_eq!(snake("Book"), "book");
        assert_eq!(camel("created_at"), "createdAt");
        assert_eq!(kebab("play_list"), "play-list");
        assert_eq!(title("play_list"), "Play list");
    }

    #[test]
    fn plurals_are_what_a_reader_expects() {
        for (one, many) in [
            ("book", "books"),
            ("city", "cities"),
            ("day", "days"),
            ("box", "boxes"),
            ("match", "matches"),
            ("person", "people"),
            ("sales_person", "sales_people"),
            ("bus", "buses"),
        ] {
            assert_eq!(plural(one), many);
        }
    }
}
