//! Where and of what something is measured.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;
use std::{fs, thread};

use super::packages::Packages;
use crate::workspace::Workspace;
use crate::{nats_server, process};

/// The packages whose versions matter to what a call costs.
const PACKAGES: [&str; 7] = [
    "wrpc-transport",
    "wrpc-transport-nats",
    "wrpc-runtime-wasmtime",
    "async-nats",
    "wasmtime",
    "tokio",
    "tower",
];

/// What stands for something that this machine does not tell.
const UNKNOWN: &str = "unknown";

/// Everything about this machine and this checkout that figures depend on, as far as it can be
/// told.
pub(super) fn describe(
    workspace: &Workspace,
    packages: &Packages,
    nats_server: Option<&Path>,
    valgrind: Option<&str>,
) -> Vec<(String, String)> {
    let versions: Vec<_> = PACKAGES
        .iter()
        .filter_map(|name| Some(format!("{name} {}", packages.version(name)?)))
        .collect();
    let mut tools = vec![said(Command::new("rustc").arg("--version"))];
    tools.extend(nats_server.map(|file| match nats_server::version(file) {
        Ok(version) => format!("nats-server {version}"),
        Err(_) => format!("nats-server {UNKNOWN}"),
    }));
    tools.extend(valgrind.map(Into::into));
    [
        ("date", date(SystemTime::now())),
        ("commit", commit(workspace)),
        ("CPU", cpu()),
        ("memory", memory()),
        ("system", system()),
        ("load average before", load_average()),
        ("tools", tools.join(", ")),
        ("packages", versions.join(", ")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn date(now: SystemTime) -> String {
    humantime::format_rfc3339_seconds(now)
        .to_string()
        .replace('T', " ")
        .replace('Z', " UTC")
}

fn commit(workspace: &Workspace) -> String {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty", "--abbrev=12"])
        .current_dir(workspace.root());
    said(&mut git)
}

fn cpu() -> String {
    let cores =
        thread::available_parallelism().map_or_else(|_| UNKNOWN.into(), |cores| cores.to_string());
    let model = field(&read("/proc/cpuinfo"), "model name");
    format!("{}, {cores} cores", model.as_deref().unwrap_or(UNKNOWN))
}

fn memory() -> String {
    let total = field(&read("/proc/meminfo"), "MemTotal");
    total
        .and_then(|total| total.strip_suffix("kB")?.trim().parse::<u64>().ok())
        .map_or_else(|| UNKNOWN.into(), |kib| format!("{} MiB", kib >> 10))
}

fn system() -> String {
    let name = read("/etc/os-release")
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .map_or_else(|| std::env::consts::OS.into(), |name| name.replace('"', ""));
    format!(
        "{name}, {}",
        said(Command::new("uname").args(["-s", "-r", "-m"]))
    )
}

fn load_average() -> String {
    let load = read("/proc/loadavg");
    let averages: Vec<_> = load.split_whitespace().take(3).collect();
    if averages.is_empty() {
        UNKNOWN.into()
    } else {
        averages.join(" ")
    }
}

/// A file, empty if there is none.
fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

/// The first line of what a program says.
fn said(command: &mut Command) -> String {
    let output = process::capture(command).unwrap_or_default();
    output.lines().next().map_or(UNKNOWN, str::trim).to_owned()
}

/// The value of the first line `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "model\t\t: 85\nmodel name\t: A CPU: fast\nmodel name\t: another\n";
        assert_eq!(field(text, "model name").as_deref(), Some("A CPU: fast"));
        assert_eq!(field(text, "name"), None);
        assert_eq!(field("", "model"), None);
    }

    #[test]
    fn a_date_names_its_time_zone() {
        let date = date(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        assert_eq!(date, "2023-11-14 22:13:20 UTC");
    }

    #[test]
    fn what_a_program_can_not_say_is_unknown() {
        assert_eq!(said(&mut Command::new("no-such-program-here")), UNKNOWN);
    }

    #[test]
    fn every_package_that_is_named_exists() {
        let workspace = Workspace::this().unwrap();
        let packages = Packages::of(&workspace).unwrap();
        let facts = describe(&workspace, &packages, None, Some("valgrind-3.24"));
        let fact = |name: &str| &facts.iter().find(|(fact, _)| fact == name).unwrap().1;
        assert_eq!(fact("packages").split(", ").count(), PACKAGES.len());
        assert!(fact("tools").starts_with("rustc 1."), "{}", fact("tools"));
        assert!(
            fact("tools").ends_with("valgrind-3.24"),
            "{}",
            fact("tools")
        );
    }
}
