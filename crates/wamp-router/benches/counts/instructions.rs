//! Goes one of the paths, for callgrind to count its instructions: `cargo xtask counts`.
//!
//! Without the name of a path it names them all.

mod paths;
mod peer;

use std::env;

use self::paths::Meter;

fn main() {
    // Cargo adds a flag of its own.
    let Some(name) = env::args().skip(1).find(|arg| !arg.starts_with('-')) else {
        for path in paths::all() {
            println!("{} {}", path.name, paths::COUNTED);
        }
        return;
    };
    let runtime = paths::runtime();
    let _guard = runtime.enter();
    let path = paths::all().into_iter().find(|path| path.name == name);
    path.expect("a path has this name").run(&mut Callgrind);
}

/// Leaves the counting to callgrind, which is told the name of this function's symbol.
struct Callgrind;

impl Meter for Callgrind {
    fn count(&mut self, operation: &mut dyn FnMut()) {
        counted_operation(operation);
    }
}

#[inline(never)]
fn counted_operation(operation: &mut dyn FnMut()) {
    operation();
}
