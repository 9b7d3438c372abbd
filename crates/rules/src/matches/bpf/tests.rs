use packet::Family;

use super::*;
use crate::Header;
use crate::syntax::NoNames;
use crate::syntax::extension::Listing;

fn bpf(program: &[(u16, u8, u8, u32)]) -> Bpf {
    let one =
        |&(code, jump_true, jump_false, constant)| Instruction { code, jump_true, jump_false, constant };
    Bpf { program: program.iter().map(one).collect() }
}

#[test]
fn a_listing_ends_in_a_nul_and_begins_without_a_blank() {
    let mut out = String::new();
    let header = Header::default();
    let listing = Listing { numeric: true, names: &NoNames, family: Family::V4, header: &header };
    (EXTENSION.list)(&bpf(&[(48, 0, 0, 9), (22, 0, 0, 0)]), &mut out, &listing);
    assert_eq!(out, "match bpf 48 0 0 9,22 0 0 0\0");
}

#[test]
fn cells_are_written_on_every_way() {
    // The writing is left out on one of two ways.
    assert!(
        check_memory(&bpf(&[(21, 0, 1, 0), (2, 0, 0, 1), (96, 0, 0, 1), (22, 0, 0, 0)]).program).is_err()
    );
    // Both ways write.
    let both = [(21, 0, 2, 0), (2, 0, 0, 1), (5, 0, 0, 1), (2, 0, 0, 1), (96, 0, 0, 1), (22, 0, 0, 0)];
    assert!(check_memory(&bpf(&both).program).is_ok());
    // A jump far beyond the end is refused before; here it only does no harm.
    assert!(check_memory(&bpf(&[(5, 0, 0, u32::MAX), (6, 0, 0, 0)]).program).is_ok());
}
