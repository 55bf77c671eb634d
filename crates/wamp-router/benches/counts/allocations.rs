//! Counts the allocations of each path: `cargo bench -p wamp-router --bench allocations`.
//!
//! `cargo xtask counts` compares them with what is on file.

mod paths;
mod peer;

use self::paths::Meter;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() {
    let runtime = paths::runtime();
    let _guard = runtime.enter();
    let _profiler = dhat::Profiler::builder().testing().build();
    for path in paths::all() {
        let mut allocations = Allocations(0);
        path.run(&mut allocations);
        let each = allocations.0 as f64 / f64::from(paths::COUNTED);
        println!("{} {each:.2}", path.name);
    }
}

/// How many blocks were allocated so far.
struct Allocations(u64);

impl Meter for Allocations {
    fn count(&mut self, operation: &mut dyn FnMut()) {
        let before = dhat::HeapStats::get().total_blocks;
        operation();
        self.0 += dhat::HeapStats::get().total_blocks - before;
    }
}
