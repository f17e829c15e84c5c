//! Served functions as tower services: what each answers, and what both kinds of callers see of it.

mod answers;
mod authorization;
mod deadline;
mod lifecycle;
mod limit;
mod setup;
