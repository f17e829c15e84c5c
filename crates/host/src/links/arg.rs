//! The argument of `--links`.

use core::convert::Infallible;
use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

use wrpc_middleware::links::BucketName;
use wrpc_middleware::links::bucket::InvalidBucketName;

/// Where links are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinksArg {
    /// In a file.
    File(PathBuf),
    /// In a NATS key-value bucket.
    Bucket(BucketName),
}

/// What says that links are in a bucket.
const SCHEME: &str = "kv://";

/// Why the argument says nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLinksArg {
    /// After the scheme.
    #[error(transparent)]
    Bucket(#[from] InvalidBucketName),
    /// A URL of something else.
    #[error(
        "write `kv://BUCKET` for links in a NATS key-value bucket, or the path of a links file"
    )]
    Scheme,
    /// Nothing.
    #[error("it is empty")]
    Empty,
}

impl FromStr for LinksArg {
    type Err = InvalidLinksArg;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(name) = text.strip_prefix(SCHEME) {
            return Ok(Self::Bucket(name.parse()?));
        }
        if text.contains("://") || text.starts_with("kv:") {
            return Err(InvalidLinksArg::Scheme);
        }
        let Ok(path) = text.parse::<PathBuf>().map_err(|error: Infallible| error);
        match text {
            "" => Err(InvalidLinksArg::Empty),
            _ => Ok(Self::File(path)),
        }
    }
}

impl fmt::Display for LinksArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Bucket(name) => write!(f, "{SCHEME}{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_file_and_a_scheme_says_what_it_is() {
        let bucket = LinksArg::Bucket("links".parse().unwrap());
        assert_eq!("kv://links".parse(), Ok(bucket.clone()));
        assert_eq!(bucket.to_string(), "kv://links");
        for path in ["links.toml", "./kv/links", "/a b", "kv"] {
            let file = LinksArg::File(path.into());
            assert_eq!(path.parse(), Ok(file.clone()));
            assert_eq!(file.to_string(), path);
        }
        for (bad, part) in [
            ("kv://", "names no bucket"),
            ("kv://a.b", "names no bucket"),
            ("kv:links", "kv://BUCKET"),
            ("nats://host/links", "kv://BUCKET"),
            ("", "empty"),
        ] {
            let error = bad.parse::<LinksArg>().unwrap_err().to_string();
            assert!(error.contains(part), "{bad}: {error}");
        }
    }
}
