//! `wrpc-host top`: what hosts measure, as a table.
//!
//! ```text
//! endpoint ──▶ samples ──▶ totals ──▶ view ──▶ table ──▶ screen, or text, or JSON
//! ```

mod endpoint;
mod histogram;
mod samples;
mod screen;
mod table;
mod totals;
mod view;

use std::io::{self, IsTerminal as _, Write as _};

use futures::future::join_all;
use tokio::time::{Instant, sleep};

pub use self::endpoint::{Endpoint, InvalidEndpoint, Unreachable};
use self::totals::Totals;
use self::view::{Look, View, view};
use crate::cli::{TopArgs, TopOutput};
use crate::error::{Error, Exit};

/// Shows what the hosts measure: live on a terminal, until `q`, and once elsewhere.
///
/// # Errors
///
/// The terminal can't be used, or stdout not be written to. A host that can't be reached is shown as
/// that.
pub async fn run(args: TopArgs) -> Result<Exit, Error> {
    if args.output.is_none() && io::stdout().is_terminal() && io::stdin().is_terminal() {
        return screen::run(&args).await;
    }
    let before = look_at_all(&args.endpoints).await;
    let start = Instant::now();
    // A rate is of two looks.
    sleep(args.interval).await;
    let now = look_at_all(&args.endpoints).await;
    let view = view(&named(&args.endpoints, now), &before, start.elapsed());
    let text = match args.output {
        Some(TopOutput::Json) => json(&view)?,
        _ => table::text(&view),
    };
    io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .map_err(|source| Error::Run {
            what: "can't write the table to stdout",
            source,
        })?;
    Ok(Exit::Success)
}

fn json(view: &View) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(view).map_err(|error| Error::Run {
        what: "can't put what was measured into JSON",
        source: error.into(),
    })?;
    Ok(text + "\n")
}

/// What each host has counted so far, all asked at once.
async fn look_at_all(endpoints: &[Endpoint]) -> Vec<Look> {
    let looks = endpoints.iter().map(async |endpoint| {
        let text = endpoint.scrape().await.map_err(|error| error.to_string())?;
        Totals::read(&text).ok_or_else(|| Unreachable::Malformed.to_string())
    });
    join_all(looks).await
}

fn named(endpoints: &[Endpoint], looks: Vec<Look>) -> Vec<(String, Look)> {
    let names = endpoints.iter().map(Endpoint::to_string);
    names.zip(looks).collect()
}
