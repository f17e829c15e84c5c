//! `wrpc-host man`.

use std::io;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::print;
use crate::cli::{Cli, ManArgs};
use crate::error::{Error, Exit};

/// Prints the manual page of the program or of a command, or writes all pages into a directory.
///
/// # Errors
///
/// There is no such command, or the pages can't be written.
pub fn man(args: &ManArgs) -> Result<Exit, Error> {
    let mut program = Cli::command();
    program.build();
    if let Some(directory) = &args.out {
        let write = |source| Error::Pages {
            directory: directory.clone(),
            source,
        };
        std::fs::create_dir_all(directory).map_err(write)?;
        for (name, page) in pages(&program).map_err(write)? {
            std::fs::write(directory.join(format!("{name}.1")), page).map_err(write)?;
        }
        return Ok(Exit::Success);
    }
    let mut command = &program;
    for name in &args.command {
        command = command
            .find_subcommand(name)
            .ok_or_else(|| Error::NoSuchCommand(args.command.join(" ")))?;
    }
    let page = page(command).map_err(|source| Error::Run {
        what: "can't make the manual page",
        source,
    })?;
    print(&page)
}

/// The page of each command, by its name.
fn pages(program: &Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut pages = Vec::new();
    let mut commands = vec![program];
    while let Some(command) = commands.pop() {
        pages.push((name(command), page(command)?));
        let shown = command
            .get_subcommands()
            .filter(|command| !command.is_hide_set());
        commands.extend(shown.filter(|command| command.get_name() != "help"));
    }
    Ok(pages)
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone())
        .source(concat!("wrpc-host ", env!("CARGO_PKG_VERSION")))
        .render(&mut page)?;
    Ok(page)
}

/// `wrpc-host-links-put`, as it is known once the program is built.
fn name(command: &Command) -> String {
    let name = command.get_display_name().unwrap_or(command.get_name());
    name.to_owned()
}
