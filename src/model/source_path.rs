//! Source paths as signatures name them: the same on every machine. It reads no file.

/// Folders in which Cargo and rustc keep third-party sources, and the number of path components below them that differ
/// between machines or toolchains.
const FOREIGN: [(&str, usize); 5] =
    [("/registry/src/", 1), ("/git/checkouts/", 0), ("/vendor/", 0), ("/rustc/", 1), ("/lib/rustlib/src/rust/", 0)];

/// Folders in which a crate keeps its sources.
const SOURCES: [&str; 4] = ["/src/", "/tests/", "/examples/", "/benches/"];

/// A path that does not depend on the machine: that of another crate begins with the crate, that of the standard library with
/// `library`, and any other absolute path with the sources' folder in its crate. A relative path stays as it is.
pub(crate) fn portable(path: &str) -> &str {
    if !path.starts_with('/') {
        return path.strip_prefix("./").unwrap_or(path);
    }
    for (folder, skipped) in FOREIGN {
        if let Some((_, rest)) = path.split_once(folder) {
            return rest.splitn(skipped + 1, '/').last().unwrap_or(rest);
        }
    }
    let Some(at) = SOURCES.iter().filter_map(|folder| path.rfind(folder)).max() else {
        return path.rsplit('/').next().unwrap_or(path);
    };
    // `src/tests/` is a folder of `src`.
    let at = path[..at].strip_suffix("/src").map_or(at, str::len);
    &path[at + 1..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_the_same_on_a_laptop_and_in_ci() {
        for home in ["/home/me/src/app", "/builds/4711/app"] {
            assert_eq!(portable(&format!("{home}/src/db/log.rs")), "src/db/log.rs");
            assert_eq!(portable(&format!("{home}/tests/crash.rs")), "tests/crash.rs");
            assert_eq!(portable(&format!("{home}/src/tests/crash.rs")), "src/tests/crash.rs");
        }
        let registry = "/home/me/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/tokio-1.54.0/src/task/spawn.rs";
        assert_eq!(portable(registry), "tokio-1.54.0/src/task/spawn.rs");
        assert_eq!(portable("/rustc/0a1b2c/library/core/src/option.rs"), "library/core/src/option.rs");
        assert_eq!(portable("/home/me/.cargo/git/checkouts/hyper-5f2b1c/ab12/src/x.rs"), "hyper-5f2b1c/ab12/src/x.rs");
    }

    #[test]
    fn a_relative_path_stays_as_it_is() {
        assert_eq!(portable("scenarios/src/tablet/engine.rs"), "scenarios/src/tablet/engine.rs");
        assert_eq!(portable("./src/main.rs"), "src/main.rs");
        assert_eq!(portable(""), "");
    }
}
