//! What `cargo xtask mutants` runs against its copy of the engine: every frozen case of the kernel, in one process. It is
//! copied into the copy of `judge` as an example, not compiled here.
//!
//! `record`: one line for each case, `NUMBER NAME MICROSECONDS` and the mutants whose place it reaches; a case that
//! fails without a mutant is `broken`. `work`: lines `MUTANT CASE CASE ...` come in; `caught CASE`, or `survived`, goes out.
use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

use judge::case::{self, Case};
use judge::golden::Golden;
use netfilter::mutants::{NONE, RECORDS, choose, reached};

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut words = std::env::args().skip(1);
    let (mode, fixtures) = (words.next().unwrap(), words.next().unwrap());
    let (goldens, cases) = load(Path::new(&fixtures));
    let differs = |at: usize| {
        let (golden, case) = &cases[at];
        catch_unwind(AssertUnwindSafe(|| goldens[*golden].judge(case))).map_or(true, |found| {
            found.is_none_or(|differences| !differences.is_empty())
        })
    };
    let mut out = std::io::stdout().lock();
    if mode == "record" {
        for at in 0..cases.len() {
            choose(NONE);
            let before = Instant::now();
            let broken = differs(at);
            let taken = before.elapsed().as_micros();
            choose(RECORDS);
            reached();
            differs(at);
            let numbers: Vec<String> = reached().iter().map(u32::to_string).collect();
            let name = if broken { "broken" } else { &cases[at].1.name };
            writeln!(out, "{at} {} {taken} {}", name.replace(' ', "_"), numbers.join(" ")).unwrap();
        }
        return;
    }
    writeln!(out, "ready").unwrap();
    out.flush().unwrap();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let mut numbers = line.split_whitespace().map(|word| word.parse::<u32>().unwrap());
        choose(numbers.next().unwrap());
        let mut run = 0;
        let caught = numbers.find(|&at| {
            run += 1;
            if run % 20 == 0 {
                // A sign of life.
                writeln!(out, ".").unwrap();
                out.flush().unwrap();
            }
            differs(at as usize)
        });
        choose(NONE);
        match caught {
            Some(at) => writeln!(out, "caught {}", cases[at as usize].1.name).unwrap(),
            None => writeln!(out, "survived").unwrap(),
        }
        out.flush().unwrap();
    }
}

fn load(fixtures: &Path) -> (Vec<Golden>, Vec<(usize, Case)>) {
    let (mut goldens, mut cases) = (Vec::new(), Vec::new());
    let mut paths: Vec<_> = std::fs::read_dir(fixtures.join("kernel")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "case"));
    paths.sort();
    for path in paths {
        let frozen = fixtures.join("golden").join(path.file_stem().unwrap()).with_extension("json");
        let golden = Golden::from_json(&std::fs::read_to_string(frozen).unwrap()).unwrap();
        let own = case::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        cases.extend(own.into_iter().map(|case| (goldens.len(), case)));
        goldens.push(golden);
    }
    (goldens, cases)
}
