//! The switch that `cargo xtask mutants` puts into its copy of the crate: which mutant is alive. It is copied, not used
//! here.
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// The mutant that is alive; [`UNREAD`]: the environment has not been asked; [`NONE`]; [`RECORDS`].
static ALIVE: AtomicU32 = AtomicU32::new(UNREAD);
/// Which places were reached while [`RECORDS`].
static REACHED: [AtomicBool; MOST] = [const { AtomicBool::new(false) }; MOST];

const UNREAD: u32 = u32::MAX;
/// No mutant is alive.
pub const NONE: u32 = u32::MAX - 1;
/// No mutant is alive, and those that could act are noted.
pub const RECORDS: u32 = u32::MAX - 2;
/// One more than the largest number.
const MOST: usize = 32768;

/// Whether a mutant is the one that is alive.
pub fn is(number: u32) -> bool {
    let alive = ALIVE.load(Relaxed);
    if alive < RECORDS { alive == number } else { rarely(alive, number) }
}

#[cold]
fn rarely(alive: u32, number: u32) -> bool {
    match alive {
        RECORDS => {
            let new = REACHED.get(number as usize).is_some_and(|place| !place.swap(true, Relaxed));
            if let (true, Some(path)) = (new, std::env::var_os("OXITABLES_MUTANTS_REACHED")) {
                let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
                let _ = file.and_then(|mut file| file.write_all(format!("{number}\n").as_bytes()));
            }
            false
        }
        NONE => false,
        _ => {
            let wanted = std::env::var("OXITABLES_MUTANT").unwrap_or_default();
            let wanted = if wanted == "record" { RECORDS } else { wanted.parse().unwrap_or(NONE) };
            ALIVE.store(wanted, Relaxed);
            is(number)
        }
    }
}

/// Chooses the one that is alive.
pub fn choose(number: u32) {
    ALIVE.store(number, Relaxed);
}

/// Those that were reached since the last call.
pub fn reached() -> Vec<u32> {
    let numbers = REACHED.iter().zip(0..);
    numbers.filter(|(place, _)| place.swap(false, Relaxed)).map(|(_, number)| number).collect()
}
