//! What is in the binary is whole, and the page needs nothing else.

use docs_ui::{ASSETS, asset, page};

#[test]
fn every_file_can_be_unpacked() {
    for asset in ASSETS {
        let contents = asset.contents();
        assert!(!contents.is_empty(), "{}", asset.path);
        assert_eq!(
            asset.encoding.is_some(),
            asset.bytes.starts_with(&[0x1f, 0x8b]),
            "{}",
            asset.path
        );
        assert!(std::str::from_utf8(&contents).is_ok(), "{}", asset.path);
    }
    let bundle = asset("/docs/swagger-ui-bundle.js")
        .expect("it is there")
        .contents();
    assert!(bundle.len() > 1_000_000);
    assert!(String::from_utf8_lossy(&bundle).contains("SwaggerUIBundle"));
    let licence = asset("/docs/swagger-ui.LICENSE.txt")
        .expect("it is there")
        .contents();
    assert!(String::from_utf8_lossy(&licence).contains("Apache License"));
}

#[test]
fn only_what_is_there_is_found() {
    for path in [
        "",
        "/docs",
        "/docs/",
        "/docs/../docs.js",
        "docs.js",
        "/docs/docs.js/",
    ] {
        assert_eq!(asset(path), None, "{path}");
    }
}

#[test]
fn tags_tell_files_apart() {
    let mut tags: Vec<String> = ASSETS.iter().map(docs_ui::Asset::etag).collect();
    assert!(
        tags.iter()
            .all(|tag| tag.len() == 18 && tag.starts_with('"') && tag.ends_with('"'))
    );
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), ASSETS.len());
}

#[test]
fn the_page_loads_only_what_is_served() {
    let html = page("Books & <more>", "/v1/openapi.json?a=1&b=2");
    assert!(html.contains("Books &amp; &lt;more&gt;"), "{html}");
    assert!(
        html.contains("data-openapi=\"/v1/openapi.json?a=1&amp;b=2\""),
        "{html}"
    );
    assert!(
        !html.contains("style=") && !html.contains("<style"),
        "{html}"
    );
    let mut loaded = 0;
    for (place, found) in html
        .match_indices("src=\"")
        .chain(html.match_indices("href=\"/docs/"))
    {
        let start = place + found.find('"').expect("it was looked for") + 1;
        let url = &html[start..start + html[start..].find('"').expect("it ends")];
        if url.starts_with("/docs/") {
            assert!(asset(url).is_some(), "{url}");
            loaded += 1;
        } else {
            assert!(url.starts_with("/assets/"), "{url}");
        }
    }
    assert_eq!(loaded, 4);
    // A script without `src` would be an inline one.
    assert_eq!(
        html.matches("<script").count(),
        html.matches("<script src=").count()
    );
}
